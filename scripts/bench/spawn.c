// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a command many times for scripts/bench and tells of each run its time, CPU time and memory
 * as a line of JSON. Small on purpose: a child's peak of memory begins with that of its parent.
 * usage: bench_spawn [-j PARALLEL] [-n COUNT] [-f FIRST] [-i STDIN] [-o OUTPUT] -- COMMAND...
 * "{}" in an argument, or in an environment variable that starts with CNI_, is the run's number.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 64
#define PARALLEL_MAX 64

extern char **environ;

struct run {
	pid_t pid;
	unsigned int number;
	uint64_t started;
};

static const char *input = "/dev/null", *output = "/dev/null";

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* A copy of @text with the number in place of each "{}". */
static char *numbered(const char *text, unsigned int number)
{
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	for (const char *at; (at = strstr(text, "{}")); text = at + 2)
		fprintf(out, "%.*s%u", (int)(at - text), text, number);
	fputs(text, out);
	fclose(out);
	return copy;
}

static char **numbered_list(char **list, const char *prefix, unsigned int number)
{
	size_t count = 0;
	char **copy;

	while (list[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = strncmp(list[i], prefix, strlen(prefix)) ? list[i] : numbered(list[i], number);
	return copy;
}

static void free_list(char **copy, char **list)
{
	for (size_t i = 0; list[i]; i++)
		if (copy[i] != list[i])
			free(copy[i]);
	free(copy);
}

static void onto(int fd, const char *path, int flags)
{
	int file = open(path, flags, 0600);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(126);
	close(file);
}

/* vfork: a copy of the page tables would count as the command's time */
static pid_t start(char **command, char **environment)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	onto(0, input, O_RDONLY);
	onto(1, output, O_WRONLY | O_CREAT | O_APPEND);
	execve(command[0], command, environment);
	_exit(127);
}

static double ms(struct timeval t)
{
	return t.tv_sec * 1e3 + t.tv_usec / 1e3;
}

/* Waits for any; its place in @runs is free again. */
static struct run *finish(struct run *runs, int parallel)
{
	struct rusage used;
	uint64_t ended;
	int status;
	pid_t pid = wait4(-1, &status, 0, &used);

	ended = now_ns();
	for (int i = 0; i < parallel; i++) {
		if (runs[i].pid != pid || pid <= 0)
			continue;
		printf("{\"run\": %u, \"ms\": %.3f, \"cpu_ms\": %.3f, \"rss_kb\": %ld, \"status\": %d}\n",
		       runs[i].number, (ended - runs[i].started) / 1e6, ms(used.ru_utime) + ms(used.ru_stime),
		       used.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		runs[i].pid = 0;
		return &runs[i];
	}
	err(1, "wait");
}

static struct run *place(struct run *runs, int parallel)
{
	for (int i = 0; i < parallel; i++)
		if (!runs[i].pid)
			return &runs[i];
	return finish(runs, parallel);
}

int main(int argc, char **argv)
{
	unsigned int count = 1, first = 0;
	struct run runs[PARALLEL_MAX] = {};
	int parallel = 1, c;
	uint64_t began;

	while ((c = getopt(argc, argv, "+j:n:f:i:o:")) != -1) {
		switch (c) {
		case 'j': parallel = atoi(optarg); break;
		case 'n': count = atoi(optarg); break;
		case 'f': first = atoi(optarg); break;
		case 'i': input = optarg; break;
		case 'o': output = optarg; break;
		default: return 2;
		}
	}
	if (optind == argc || argc - optind >= WORDS_MAX || parallel < 1 || parallel > PARALLEL_MAX)
		errx(2, "usage: bench_spawn [-j N] [-n COUNT] [-f FIRST] [-i STDIN] [-o OUTPUT] -- COMMAND...");
	began = now_ns();
	for (unsigned int n = first; n < first + count; n++) {
		char **command = numbered_list(argv + optind, "", n);
		char **environment = numbered_list(environ, "CNI_", n);
		struct run *run = place(runs, parallel);

		*run = (struct run){ .number = n, .started = now_ns() };
		run->pid = start(command, environment);
		if (run->pid < 0)
			err(1, "vfork");
		free_list(command, argv + optind);
		free_list(environment, environ);
	}
	for (int i = 0; i < parallel; i++)
		while (runs[i].pid)
			finish(runs, parallel);
	printf("{\"wall_ms\": %.3f}\n", (now_ns() - began) / 1e6);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinpool-cni: the CNI plugin. One process per call and no daemon: reads the environment and
 * standard input, runs the command, writes the result or an error object to standard output. Only
 * CNI's own variables of the environment are used, and no other program is run.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/cni/log.h"
#include "loader/cni/result.h"
#include "loader/kernel/map.h"

#define INPUT_MAX (1 << 20) /* a pod's annotations are 256 KiB at most */

static int no_print(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
	return 0;
}

/* The caller may have closed them; a file that is opened later must not become standard output. */
static void keep_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd ? O_WRONLY : O_RDONLY);
}

static enum cni_code read_input(char **input, size_t *length, struct error *e)
{
	ssize_t n;

	*input = xmalloc(INPUT_MAX + 1);
	*length = 0;
	while ((n = read(STDIN_FILENO, *input + *length, INPUT_MAX + 1 - *length))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(e, CNI_IO_FAILURE,
					 "network configuration: cannot read: %s; give it on standard input",
					 strerror(errno));
		*length += n;
		if (*length > INPUT_MAX)
			return error_set(e, CNI_BAD_JSON,
					 "network configuration: longer than %d bytes; shorten the pod's annotations",
					 INPUT_MAX);
	}
	return CNI_OK;
}

static enum cni_code run(const struct cni_request *r, json_t **result, struct error *e)
{
	switch (r->command) {
	case CNI_VERSION:
		*result = cni_result_versions(r);
		return CNI_OK;
	case CNI_ADD:
		return cni_add(r, result, e);
	case CNI_DEL:
		return cni_del(r, e);
	case CNI_CHECK:
		return cni_check(r, e);
	case CNI_STATUS:
		return cni_status(r, e);
	case CNI_GC:
		return cni_gc(r, e);
	default:
		return CNI_BAD_ENVIRONMENT;
	}
}

/* Writes everything or fails: a partial object must not look like success. */
static int print(const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	size_t length, done = 0;

	if (!text)
		abort();
	length = strlen(text);
	text[length++] = '\n'; /* replaces the NUL */
	while (done < length) {
		ssize_t n = write(STDOUT_FILENO, text + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "pinpool-cni: standard output: %s; the result is lost\n",
				strerror(errno));
			break;
		}
		done += n;
	}
	free(text);
	return done == length ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int answer(const struct cni_request *r, enum cni_code code, json_t *result,
		  const struct error *e)
{
	int status = EXIT_SUCCESS;

	if (code)
		result = cni_result_error(r, code, e);
	if (result)
		status = print(result);
	json_decref(result);
	return code ? EXIT_FAILURE : status;
}

static void note(const struct cni_environment *env, const struct cni_request *r,
		 enum cni_code code, const struct error *what)
{
	struct error e;

	/* A log that cannot be written must not keep a pod from running. */
	if (r->log_file && r->command < CNI_COMMANDS &&
	    cni_log(r->log_file, env->command, r, code, what, &e))
		fprintf(stderr, "pinpool-cni: %s\n", e.text);
}

int main(void)
{
	const struct cni_environment env = {
		.command = getenv("CNI_COMMAND"), .container = getenv("CNI_CONTAINERID"),
		.netns = getenv("CNI_NETNS"),     .ifname = getenv("CNI_IFNAME"),
		.args = getenv("CNI_ARGS"),
	};
	struct cni_request r;
	struct error e = {};
	json_t *result = NULL;
	size_t length;
	char *input;
	enum cni_code code;
	int status;

	keep_standard_streams();
	clearenv(); /* the strings stay; libraries must not read it */
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	libbpf_set_print(no_print);
	code = read_input(&input, &length, &e);
	if (code)
		length = 0;
	if (code)
		(void)cni_request_parse(&r, &env, input, length, NULL);
	else
		code = cni_request_parse(&r, &env, input, length, &e);
	if (!code)
		code = run(&r, &result, &e);
	note(&env, &r, code, &e);
	status = answer(&r, code, result, &e);
	cni_request_free(&r);
	free(input);
	return status;
}

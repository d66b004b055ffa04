// SPDX-License-Identifier: GPL-2.0-only
/* Arguments, log and sd_notify(3) of agent and operator. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loader/kube/program.h"

#define ARGUMENTS_MAX 12
#define FIRST 256 /* beyond any character */

void log_line(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool arguments_parse(int argc, char **argv, const char *usage, const struct argument *list)
{
	struct option options[ARGUMENTS_MAX + 3] = { { "help", no_argument, NULL, 'h' },
						     { "version", no_argument, NULL, 'V' } };
	int c;

	for (int i = 0; list[i].name; i++)
		options[i + 2] = (struct option){ list[i].name, list[i].value ? required_argument : no_argument,
						  NULL, FIRST + i };
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1 && c != '?') {
		if (c == 'h')
			fputs(usage, stdout);
		else if (c == 'V')
			printf("%s %s\n", program_invocation_short_name, VERSION);
		if (c < FIRST)
			exit(0);
		if (list[c - FIRST].flag)
			*list[c - FIRST].flag = true;
		else
			*list[c - FIRST].value = optarg;
	}
	if (c == -1 && optind == argc)
		return true;
	fputs(usage, stderr);
	return false;
}

/* The protocol of sd_notify(3), NOTES: one datagram. */
void notify(const char *lines)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&address,
	       offsetof(struct sockaddr_un, sun_path) + length);
	close(fd);
}

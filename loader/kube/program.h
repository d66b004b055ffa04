/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program does by itself: it takes its arguments, logs, and reports to systemd. */
#ifndef PP_KUBE_PROGRAM_H
#define PP_KUBE_PROGRAM_H

#include <stdbool.h>

/* One line on standard error, after the program's name. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct argument {
	const char *name;   /* without "--"; NULL: the end, after at most 12 */
	const char **value;
	bool *flag;         /* set by one without a value; else NULL */
};

/* False: @usage was printed as an error. --help and --version end the process. */
bool arguments_parse(int argc, char **argv, const char *usage, const struct argument *list);

/* Tells systemd, if it asked: "READY=1". */
void notify(const char *lines);

#endif

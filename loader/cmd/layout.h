/* SPDX-License-Identifier: GPL-2.0-only */
/* Text as `kubectl describe` lays it out: indented labels, values aligned in runs of lines. */
#ifndef PP_DESCRIBE_H
#define PP_DESCRIBE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct describe_line {
	char *label; /* owned; indented, with its colon */
	char *value; /* owned; NULL: the line is its label alone */
};

struct description {
	struct describe_line *lines; /* zero-initialise */
	size_t count;
};

/*
 * " LABEL: value", indented by @level; a NULL @fmt gives a heading, "" another value of the
 * last label.
 */
void describe_add(struct description *d, unsigned int level, const char *label, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* A line of free text. */
void describe_text(struct description *d, unsigned int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What @json has, keys sorted: "maskSize" as "Mask Size:", lists as kubectl shows them. */
void describe_json(struct description *d, unsigned int level, const json_t *json);
/* Writes all lines to @out and frees them. */
void describe_write(struct description *d, FILE *out);

#endif

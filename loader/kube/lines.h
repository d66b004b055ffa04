/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes that arrive in pieces, as lines, and a line as JSON. Pure. */
#ifndef PP_KUBE_LINES_H
#define PP_KUBE_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX_BYTES (4u << 20) /* also of an answer */

struct lines { /* zeroed at first */
	char *text; /* the incomplete line */
	size_t length, room;
};

/* Adds bytes to the incomplete line; false, with nothing added, above LINE_MAX_BYTES. */
bool lines_append(struct lines *lines, const char *data, size_t length);

/*
 * Calls @line for each line that @data completes, without its newline (not terminated); empty lines are
 * left out. Ends early, with true, when @line returns false; false if a line exceeds LINE_MAX_BYTES.
 */
bool lines_add(struct lines *lines, const char *data, size_t length,
	       bool (*line)(void *arg, const char *text, size_t length), void *arg);
void lines_free(struct lines *lines);

/* Owned; NULL if it is not JSON. NUL in a string ends it for C; integers beyond 64 bits become reals. */
json_t *line_json(const char *text, size_t length);

#endif

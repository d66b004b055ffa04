/* SPDX-License-Identifier: GPL-2.0-only */
/* Columns as kubectl aligns them: three spaces between, the last one as long as it is. */
#ifndef PP_TABLE_H
#define PP_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table {
	unsigned int columns;
	size_t cells, room;
	char **cell; /* owned; row by row, the first row is the header */
};

/* Starts a table whose header is @header, words separated by spaces. */
void table_init(struct table *t, const char *header);
/* The next cell of the row; "" shows as "<none>". */
void table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes the table to @out and frees it. */
void table_write(struct table *t, FILE *out);

#endif

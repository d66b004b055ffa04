/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables: columns over items, which are JSON, as kubectl aligns them: three spaces between, the last one
 * as long as it is.
 */
#ifndef PP_TABLE_H
#define PP_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define COLUMN_TEXT 8192

struct column {
	const char *header; /* NULL ends the columns */
	const char *path;   /* "status.state"; through lists: "ips.address" */
	/* The cell into @text, COLUMN_TEXT bytes; NULL: column_text() */
	void (*format)(const json_t *item, const char *path, char *text);
	bool wide;          /* with -o wide alone */
};

#define COLUMN(header_, path_, ...) { .header = header_, .path = path_, ##__VA_ARGS__ }

/* The value at @path: a string, a number, yes or no; several different ones with commas between. */
void column_text(const json_t *item, const char *path, char *text);
/* The age of a creationTimestamp. */
void column_age(const json_t *item, const char *path, char *text);
/* A number of seconds: "30s" */
void column_seconds(const json_t *item, const char *path, char *text);

struct table {
	const struct column *columns;
	bool wide;
	size_t width; /* the other members zeroed at first; cells of a row */
	size_t cells;
	char **cell;  /* owned; row by row, the first row is the header */
};

/* Another row; gives up the reference to @item. "" shows as "<none>". */
void table_add(struct table *t, json_t *item);
/* Prints the table if it has a row, and frees it. */
void table_print(struct table *t);

#endif

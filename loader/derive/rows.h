/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Derived maps as tables of expected rows. `check` compares them with the maps, `check --fix` and every
 * synchronization apply them.
 */
#ifndef PP_ROWS_H
#define PP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/ipam/state.h"

/* A member of a row's value that a violation names; numbers have 4 bytes. */
struct row_field {
	const char *name;
	size_t at, size;
};

/* Where violations go, one line each. */
struct row_report {
	void (*fn)(const char *text, void *arg);
	void *arg;
};
void row_violation(const struct row_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define ROW_NAME 512

struct row_list;

/* A map. A row is a struct of its key and its value. */
struct row_table {
	enum pinned_map map;
	size_t key_size, value_at, value_size, row_size;
	bool keys_only; /* values are not derived: only unexpected rows are repaired */
	/* What a comparison looks at; none: the complete value */
	const struct row_field *fields;
	size_t field_count;
	bool partial;   /* written only: the expected rows are not all that the map has */
	/* Rows of an array that hold nothing; may be NULL. */
	bool (*is_empty)(const void *row);
	/* Rows of the map that a comparison leaves out; may be NULL. */
	bool (*may_stay)(const void *row);
	/* A better report of a difference, true if it made one; may be NULL. @is NULL: missing. */
	bool (*explain)(const void *is, const void *expected, const struct row_list *rows,
			const struct row_report *report);
	/* Instead of a plain update or delete (@value NULL) of the map; may be NULL. */
	int (*write)(struct context *node, const void *key, const void *value, struct error *e);
};

/* The sizes of a table whose rows are of @type, with the members @key and @value in this order. */
#define ROW_SIZES(type, key, value)                                                                       \
	.key_size = sizeof(((type *)0)->key), .value_at = offsetof(type, value),                         \
	.value_size = sizeof(((type *)0)->value), .row_size = sizeof(type)

#define ROW_FIELDS(list) .fields = (list), .field_count = sizeof(list) / sizeof(*(list))

struct row_list {
	const struct row_table *table;
	const struct state *state; /* for names */
	char *list;
	size_t count;
};

/* "pp_cidrs: 10.0.0.0/8", "block 10.0.0.0/27" (tables.c) */
void row_name(const struct row_list *rows, const void *row, char text[ROW_NAME]);

/* Of several rows with one key the one whose value begins with the lowest 32-bit number stays. */
void rows_add(struct row_list *rows, const void *key, const void *value);
void rows_free(struct row_list *rows);

/* The map's rows, sorted. The caller frees @rows, also on failure. */
int rows_read(struct context *node, const struct row_table *table, struct row_list *rows, struct error *e);
/* The value of @key in sorted rows; NULL: none. */
const void *rows_find(const struct row_list *rows, const void *key);

/* Reports each difference between the map and the expected rows, which it sorts. */
int rows_compare(struct context *node, struct row_list *expected, const struct row_report *report,
		 struct error *e);
/*
 * Makes the map have exactly the expected rows, which it sorts. Additions come first, so that a
 * shrinking set never has a hole. All rows are tried, the first error returns.
 */
int rows_apply(struct context *node, struct row_list *expected, struct error *e);
/* The same for @count keys alone, without a look at the map. */
int rows_apply_keys(struct context *node, struct row_list *expected, const void *keys, size_t count,
		    struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `get -o json|yaml|name` prints: items one at a time, so that 65,534 of them need no tree in
 * memory. One that was asked for by name is printed itself, several as a List.
 */
#ifndef PP_CMD_OUTPUT_H
#define PP_CMD_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum output_format { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };

struct output {
	enum output_format format;
	bool single; /* no List around the one item */
	size_t count;
};

/* "wide", "json", "yaml", "name"; false: none of them. */
bool output_format_by_name(const char *name, enum output_format *format);
/* True where items are wanted as JSON values, not as rows. */
bool output_is_items(const struct output *out);

void output_begin(struct output *out);
/* Prints @item and gives up its reference; @name: what `-o name` says. */
void output_item(struct output *out, const char *name, json_t *item);
void output_end(struct output *out);

#endif

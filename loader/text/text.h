/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML and JSON text as jansson's values, and back. Line and spelling of a value, which jansson
 * cannot hold, are stored aside as its place. Limits for hostile text apply here: depth, aliases,
 * size. Pure.
 */
#ifndef PP_TEXT_H
#define PP_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"

#define TEXT_DEPTH_MAX 100
#define TEXT_BYTES_MAX (64u << 20) /* of one input */
#define TEXT_ALIAS_MAX (16u << 20) /* memory that all aliases of an input may expand to */

struct place {
	unsigned int line;   /* of the value, from 1 */
	unsigned int key_line;
	const char *written; /* a YAML scalar other than a string, as written; or NULL */
	bool odd_key;        /* the key is a scalar that is not a string */
	bool block;          /* a string after | or >: its text begins on the next line */
};

struct documents {
	struct document {
		json_t *root; /* owned */
		struct place place;
	} *list; /* empty documents are left out */
	size_t count;
	struct places *places; /* NULL for JSON: all its values have their document's line */
};

/*
 * Parses YAML or JSON, one or many documents, into @d (zero-initialised by the caller). 0, or
 * -EINVAL with the reason in @e (no file, no line) and its line in @line.
 */
int documents_parse(const char *text, size_t length, struct documents *d, unsigned int *line,
		    struct error *e);
void documents_free(struct documents *d);

/* The place of @key's value in @map, or of item @index in @list; NULL if none is known. */
const struct place *place_of_key(const struct documents *d, const json_t *map, const char *key);
const struct place *place_of_item(const struct documents *d, const json_t *list, size_t index);
/* The line of @path ("spec.ipv4.cidrs[3]") below @json at @line, or of its nearest parent. */
unsigned int line_of_path(const struct documents *d, const json_t *json, unsigned int line,
			  const char *path);

/* "a string", "a list", ... for messages */
const char *json_kind_name(const json_t *json);
/* The value of @key; NULL if it is missing or null, or if @map (may be NULL) is not a map. */
json_t *json_get(const json_t *map, const char *key);
/* The same for "spec.ipam.pools", from map to map. */
json_t *json_get_path(const json_t *map, const char *path);
/* The string at such a path; "": there is none. */
const char *json_text(const json_t *map, const char *path);

/* Formats @json as kubectl prints YAML: block style, two spaces, lists at their parent's indentation. */
char *json_to_yaml(const json_t *json);

/* A string of bytes that may be anything: those that are not UTF-8 become question marks. */
json_t *text_json(const char *text, size_t length);

/* Length of the UTF-8 sequence (RFC 3629) at @s, of at least one byte; 0 if it is not one. */
size_t utf8_length(const char *s, const char *end);

enum scalar_kind {
	SCALAR_NULL,
	SCALAR_BOOL,
	SCALAR_INT, /* of 64 bits */
	SCALAR_FLOAT,
	SCALAR_STRING,
};

/* Type of a plain scalar for kubectl (YAML 1.1 with 0o): yes is a bool, 08 a float. */
enum scalar_kind scalar_kind(const char *text);
bool scalar_true(const char *text);
/* 0, or -ERANGE for any text other than a SCALAR_INT. */
int scalar_int(const char *text, long long *value);

#endif

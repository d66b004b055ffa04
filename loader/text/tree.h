/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * YAML and JSON text as a tree that remembers lines, so that whoever checks it can say where a
 * mistake stands. Hostile text is bounded here: depth, aliases, size. Pure.
 */
#ifndef PP_YAML_TREE_H
#define PP_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"

#define TREE_DEPTH_MAX 100
#define TREE_TEXT_MAX (64u << 20)  /* bytes of one input */
#define TREE_ALIAS_MAX (16u << 20) /* bytes of memory that all aliases of an input may stand for */

enum tree_kind {
	TREE_NULL,
	TREE_BOOL,
	TREE_INT,
	TREE_FLOAT,
	TREE_STRING,
	TREE_OTHER, /* a scalar with a tag that is none of the above, as !!binary */
	TREE_LIST,
	TREE_MAP,
};

struct tree_pair {
	const char *key; /* as written; no two of a map are equal */
	enum tree_kind key_kind;
	unsigned int line;
	struct tree *value;
};

struct tree {
	enum tree_kind kind;
	bool plain;        /* scalar without quotes */
	bool block;        /* scalar after | or >: its text begins on the next line */
	unsigned int line; /* from 1 */
	size_t count;      /* of items or pairs */
	size_t weight;     /* bytes with all its aliases written out; 0: not complete yet */
	union {
		const char *text; /* as written, without NULs inside, UTF-8 */
		struct tree **items;
		struct tree_pair *pairs;
	};
};

/* Zero-initialise; all trees live until documents_free(). */
struct documents {
	struct tree **roots; /* empty documents are left out */
	size_t count;
	struct arena_chunk *arena;
};

/*
 * Parses YAML or JSON, one or many documents. 0, or -EINVAL with the reason in @e (no file, no
 * line) and its line in @line.
 */
int documents_parse(const char *text, size_t length, struct documents *d, unsigned int *line,
		    struct error *e);
void documents_free(struct documents *d);

/* The value of @key, or NULL where it is missing or null, or @map (may be NULL) is no map. */
const struct tree *tree_get(const struct tree *map, const char *key);
/* The line of what @path ("spec.ipv4.cidrs[3]") names in @tree, or of its nearest parent there. */
unsigned int tree_line(const struct tree *tree, const char *path);
/* "a string", "a list", ... for messages */
const char *tree_kind_name(enum tree_kind kind);

/* Length of the UTF-8 sequence (RFC 3629) at @s, of at least one byte; 0 if it is none. */
size_t utf8_length(const char *s, const char *end);

/* What a plain scalar means to kubectl (YAML 1.1 with 0o): yes is a bool, 08 a float. */
enum tree_kind scalar_kind(const char *text);
bool scalar_true(const char *text);
/* 0 or -ERANGE for what is no TREE_INT of 64 bits. */
int scalar_int(const char *text, long long *value);

#endif

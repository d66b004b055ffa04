/* SPDX-License-Identifier: GPL-2.0-only */
/* How the YAML and the JSON reader make trees: memory that goes at once, growing lists, maps. */
#ifndef PP_YAML_BUILD_H
#define PP_YAML_BUILD_H

#include "loader/text/tree.h"

void *arena_alloc(struct documents *d, size_t size);
char *arena_text(struct documents *d, const char *text, size_t length);

/* A list of @size-byte elements that is being read; its elements live in the arena. */
struct growing {
	char *data;
	size_t count, space;
};

/* Adds a zeroed element and returns it; earlier ones may move. */
void *growing_add(struct documents *d, struct growing *g, size_t size);

struct tree *tree_new(struct documents *d, enum tree_kind kind, unsigned int line);
struct tree *tree_scalar(struct documents *d, enum tree_kind kind, unsigned int line,
			 const char *text, size_t length);
void tree_finish_list(struct tree *list, const struct growing *items);
/*
 * Takes @pairs, of which those from @merged on came by merge keys and yield to those before them.
 * -EINVAL and @line where a key is there twice.
 */
int tree_finish_map(struct documents *d, struct tree *map, const struct growing *pairs,
		    size_t merged, unsigned int *line, struct error *e);
void documents_add(struct documents *d, struct tree *root);

int yaml_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e);
int json_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e);

#endif

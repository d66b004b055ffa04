// SPDX-License-Identifier: GPL-2.0-only
/* Trees of YAML and JSON: their memory, maps without double keys, and looking things up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/text/yaml_build.h"

#define CHUNK_BYTES 65536

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, space;
	char data[] __attribute__((aligned(16)));
};

void *arena_alloc(struct documents *d, size_t size)
{
	struct arena_chunk *chunk = d->arena;
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->space - chunk->used < size) {
		size_t space = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = calloc(1, sizeof(*chunk) + space);
		if (!chunk)
			abort();
		chunk->space = space;
		chunk->next = d->arena;
		d->arena = chunk;
	}
	memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

char *arena_text(struct documents *d, const char *text, size_t length)
{
	char *copy = arena_alloc(d, length + 1);

	memcpy(copy, text, length);
	copy[length] = 0;
	return copy;
}

void *growing_add(struct documents *d, struct growing *g, size_t size)
{
	if (g->count == g->space) {
		char *old = g->data;

		g->space = g->space ? g->space * 2 : 4;
		g->data = arena_alloc(d, g->space * size);
		if (old)
			memcpy(g->data, old, g->count * size);
	}
	return memset(g->data + g->count++ * size, 0, size);
}

void documents_free(struct documents *d)
{
	while (d->arena) {
		struct arena_chunk *next = d->arena->next;

		free(d->arena);
		d->arena = next;
	}
	free(d->roots);
	*d = (struct documents){};
}

void documents_add(struct documents *d, struct tree *root)
{
	if (root->kind == TREE_NULL)
		return;
	if (!(d->count & (d->count + 1))) { /* 0, 1, 3, 7, ...: full */
		d->roots = realloc(d->roots, (d->count * 2 + 1) * sizeof(*d->roots));
		if (!d->roots)
			abort();
	}
	d->roots[d->count++] = root;
}

struct tree *tree_new(struct documents *d, enum tree_kind kind, unsigned int line)
{
	struct tree *tree = arena_alloc(d, sizeof(*tree));

	*tree = (struct tree){ .kind = kind, .line = line };
	return tree;
}

struct tree *tree_scalar(struct documents *d, enum tree_kind kind, unsigned int line,
			 const char *text, size_t length)
{
	struct tree *tree = tree_new(d, kind, line);

	tree->text = arena_text(d, text, length);
	tree->weight = sizeof(*tree) + length;
	return tree;
}

void tree_finish_list(struct tree *list, const struct growing *items)
{
	list->items = (struct tree **)items->data;
	list->count = items->count;
	list->weight = sizeof(*list);
	for (size_t i = 0; i < list->count; i++)
		list->weight += sizeof(*list->items) + list->items[i]->weight;
}

/* Pairs lie in one array, so that their addresses are the order of reading. */
static int pair_compare(const void *a, const void *b)
{
	const struct tree_pair *x = *(struct tree_pair *const *)a;
	const struct tree_pair *y = *(struct tree_pair *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : x < y ? -1 : x > y;
}

/* Blanks merged pairs whose key is there already; finds the first key that is written twice. */
static const struct tree_pair *find_double(struct tree_pair **sorted, size_t count,
					   const struct tree_pair *merged,
					   const struct tree_pair **first)
{
	const struct tree_pair *found = NULL;

	for (size_t i = 1, head = 0; i < count; i++) {
		if (strcmp(sorted[head]->key, sorted[i]->key)) {
			head = i;
		} else if (sorted[i] >= merged) {
			sorted[i]->value = NULL;
		} else if (!found || sorted[i] < found) {
			found = sorted[i];
			*first = sorted[head];
		}
	}
	return found;
}

int tree_finish_map(struct documents *d, struct tree *map, const struct growing *pairs,
		    size_t merged, unsigned int *line, struct error *e)
{
	struct tree_pair *pair = (struct tree_pair *)pairs->data, **sorted;
	const struct tree_pair *twice, *first = NULL;

	map->weight = sizeof(*map);
	if (!pairs->count)
		return 0;
	sorted = arena_alloc(d, pairs->count * sizeof(*sorted));
	for (size_t i = 0; i < pairs->count; i++)
		sorted[i] = pair + i;
	qsort(sorted, pairs->count, sizeof(*sorted), pair_compare);
	twice = find_double(sorted, pairs->count, pair + merged, &first);
	if (twice) {
		*line = twice->line;
		return error_set(e, -EINVAL,
				 "key \"%.100s\" is there twice, first in line %u; remove one",
				 twice->key, first->line);
	}
	map->pairs = pair;
	for (size_t i = 0; i < pairs->count; i++) {
		if (!pair[i].value)
			continue;
		map->weight += sizeof(*pair) + strlen(pair[i].key) + pair[i].value->weight;
		map->pairs[map->count++] = pair[i];
	}
	return 0;
}

static const struct tree_pair *find_pair(const struct tree *map, const char *key, size_t length)
{
	for (size_t i = 0; i < map->count; i++)
		if (!strncmp(map->pairs[i].key, key, length) && !map->pairs[i].key[length])
			return map->pairs + i;
	return NULL;
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
	const struct tree_pair *pair;

	if (!map || map->kind != TREE_MAP)
		return NULL;
	pair = find_pair(map, key, strlen(key));
	return pair && pair->value->kind != TREE_NULL ? pair->value : NULL;
}

unsigned int tree_line(const struct tree *tree, const char *path)
{
	unsigned int line = tree->line;

	while (*path) {
		size_t length = strcspn(path, ".[");
		const struct tree_pair *pair;

		if (*path == '[') {
			size_t index = strtoul(path + 1, NULL, 10);

			if (tree->kind != TREE_LIST || index >= tree->count)
				break;
			tree = tree->items[index];
			line = tree->line;
			length = strcspn(path, "]") + 1;
		} else {
			pair = tree->kind == TREE_MAP ? find_pair(tree, path, length) : NULL;
			if (!pair)
				break;
			tree = pair->value;
			line = pair->line;
		}
		path += length;
		path += *path == '.';
	}
	return line;
}

const char *tree_kind_name(enum tree_kind kind)
{
	static const char *const names[] = {
		[TREE_NULL] = "null", [TREE_BOOL] = "a boolean", [TREE_INT] = "a number",
		[TREE_FLOAT] = "a number", [TREE_STRING] = "a string",
		[TREE_OTHER] = "a value with a tag", [TREE_LIST] = "a list", [TREE_MAP] = "a map",
	};

	return names[kind];
}

/* kubectl too takes a text that begins with a brace for JSON first, and for YAML if it is none */
int documents_parse(const char *text, size_t length, struct documents *d, unsigned int *line,
		    struct error *e)
{
	struct error json_error = {};
	unsigned int json_line = 0;
	size_t i = 0;

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		length -= 3;
	}
	while (i < length && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	if (i < length && text[i] == '{') {
		if (!json_read(text, length, d, &json_line, &json_error))
			return 0;
		documents_free(d);
	}
	if (!yaml_read(text, length, d, line, e))
		return 0;
	documents_free(d);
	/* the reader that got further knows better what is wrong */
	if (json_line >= *line) {
		*line = json_line;
		if (e)
			*e = json_error;
	}
	return -EINVAL;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places of the values of a document: a hash table of parent and key. Only the hash of a key is
 * kept, so two keys of one parent may share an entry; a message then names the other one's line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/text/places.h"

struct entry {
	const json_t *parent; /* NULL: free */
	uint64_t key;
	struct place place;
};

struct places {
	struct entry *entries;
	size_t count, space; /* @space is a power of two */
};

/* FNV-1a */
static uint64_t key_hash(const char *key)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
	return hash;
}

static struct entry *entry_at(const struct places *p, const json_t *parent, uint64_t key)
{
	uint64_t hash = ((uintptr_t)parent ^ key) * 0x9e3779b97f4a7c15;
	size_t i = hash >> 32 & (p->space - 1);

	while (p->entries[i].parent && (p->entries[i].parent != parent || p->entries[i].key != key))
		i = (i + 1) & (p->space - 1);
	return &p->entries[i];
}

static void places_grow(struct places *p)
{
	struct places more = { .space = p->space ? 2 * p->space : 64 };

	more.entries = calloc(more.space, sizeof(*more.entries));
	if (!more.entries)
		abort();
	for (size_t i = 0; i < p->space; i++)
		if (p->entries[i].parent)
			*entry_at(&more, p->entries[i].parent, p->entries[i].key) = p->entries[i];
	more.count = p->count;
	free(p->entries);
	*p = more;
}

static void places_set(struct places *p, const json_t *parent, uint64_t key,
		       const struct place *place)
{
	struct entry *entry;

	if (p->count * 2 >= p->space)
		places_grow(p);
	entry = entry_at(p, parent, key);
	p->count += !entry->parent;
	free((char *)entry->place.written);
	*entry = (struct entry){ parent, key, *place };
}

static const struct place *places_get(const struct places *p, const json_t *parent, uint64_t key)
{
	const struct entry *entry = p && p->count ? entry_at(p, parent, key) : NULL;

	return entry && entry->parent ? &entry->place : NULL;
}

struct places *places_new(void)
{
	struct places *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	return p;
}

void places_free(struct places *p)
{
	for (size_t i = 0; p && i < p->space; i++)
		free((char *)p->entries[i].place.written);
	if (p)
		free(p->entries);
	free(p);
}

void places_set_key(struct places *p, const json_t *map, const char *key, const struct place *place)
{
	places_set(p, map, key_hash(key), place);
}

void places_set_item(struct places *p, const json_t *list, size_t index, const struct place *place)
{
	places_set(p, list, index, place);
}

const struct place *place_of_key(const struct documents *d, const json_t *map, const char *key)
{
	return places_get(d->places, map, key_hash(key));
}

const struct place *place_of_item(const struct documents *d, const json_t *list, size_t index)
{
	return places_get(d->places, list, index);
}

/* The value of the first step of @path ("ipv4.x" or "[3].x"), and its place; NULL: there is none. */
static const json_t *step(const struct documents *d, const json_t *json, const char **path,
			  const struct place **place)
{
	size_t length = strcspn(*path, *path[0] == '[' ? "]" : ".[") + (*path[0] == '[');
	const json_t *value = NULL;
	char key[256] = "";

	if (*path[0] == '[') {
		size_t index = strtoul(*path + 1, NULL, 10);

		value = json_array_get(json, index);
		*place = place_of_item(d, json, index);
	} else if (length < sizeof(key)) {
		memcpy(key, *path, length);
		value = json_object_get(json, key);
		*place = place_of_key(d, json, key);
	}
	*path += length;
	*path += **path == '.';
	return value;
}

unsigned int line_of_path(const struct documents *d, const json_t *json, unsigned int line,
			  const char *path)
{
	const struct place *place = NULL;

	while (*path) {
		bool item = *path == '[';

		json = step(d, json, &path, &place);
		if (!json || !place)
			break;
		line = item ? place->line : place->key_line;
	}
	return line;
}

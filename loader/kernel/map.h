/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads complete maps in batches. */
#ifndef PP_MAP_H
#define PP_MAP_H

#include <stddef.h>

#include "loader/base/memory.h"
#include "loader/kernel/pins.h"

/*
 * Copies a hash map or trie into *list (owned by the caller, NULL if empty) as @count records of
 * key, then value at @value_at bytes, each of @record_size bytes. 0 or -errno.
 */
int map_read_all(int fd, size_t key_size, size_t value_at, size_t value_size, size_t record_size,
		 void **list, size_t *count);

/* The same of a pinned map; -errno with a sentence. */
int map_read_pinned(struct pins *pins, enum pinned_map map, size_t key_size, size_t value_at,
		    size_t value_size, size_t record_size, void **list, size_t *count, struct error *e);

/* The same into @list, whose struct has the members @key and @value in this order. */
#define MAP_READ(pins, map, list, count, key, value, e)                                                   \
	map_read_pinned(pins, map, sizeof((list)->key), offsetof(__typeof__(*(list)), value),            \
			sizeof((list)->value), sizeof(*(list)), (void **)&(list), &(count), e)

/* Waits until every program that runs now has ended: what it has read may then be written again. */
void map_readers_end(void);

#endif

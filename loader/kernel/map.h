/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading whole maps, in batches. */
#ifndef PP_MAP_H
#define PP_MAP_H

#include <stddef.h>

#include "loader/base/memory.h"

/*
 * Copies a hash map or trie into *list (owned by the caller, NULL if empty) as @count records of
 * key, then value at @value_at bytes, each of @record_size bytes. 0 or -errno.
 */
int map_read_all(int fd, size_t key_size, size_t value_at, size_t value_size, size_t record_size,
		 void **list, size_t *count);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* spec.ipam.pools.allocated of a CiliumNode, as JSON: what is in it, and changed copies. Pure. */
#ifndef PP_KUBE_ALLOCATED_H
#define PP_KUBE_ALLOCATED_H

#include <jansson.h>
#include <stdbool.h>

#include "loader/base/prefix.h"

/* spec.ipam.pools of the object, which gets one if it has none. */
json_t *ciliumnode_pools(json_t *ciliumnode);

bool allocated_has(const json_t *ciliumnode, const struct prefix *prefix);
/* Removes the block from its entry, and an entry without blocks. */
void allocated_remove(json_t *ciliumnode, const struct prefix *prefix);
/* Adds the block to the pool's entry, which is made if there is none. */
void allocated_add(json_t *ciliumnode, const char *pool, const struct prefix *prefix);

/* Sets of prefixes: whether @prefix is in it; adding and removing it, each once. */
bool prefixes_have(const struct prefix *list, size_t count, const struct prefix *prefix);
void prefixes_add(struct prefix **list, size_t *count, const struct prefix *prefix);
void prefixes_remove(struct prefix *list, size_t *count, const struct prefix *prefix);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* A node's pools and blocks, read once and found by id: for whatever goes through many leases. */
#ifndef PP_INVENTORY_H
#define PP_INVENTORY_H

#include <stdbool.h>

#include "loader/ipam/transactions.h"

struct inventory {
	struct pool_entry *pools; /* owned; sorted by id */
	size_t pool_count;
	struct block_entry *blocks; /* owned; sorted by id */
	size_t block_count;
};

int inventory_read(struct pins *pins, struct inventory *inventory, struct error *e);
void inventory_free(struct inventory *inventory);

/* NULL: there is none of this id. */
const struct pool *inventory_pool(const struct inventory *inventory, uint32_t id);
const struct block *inventory_block(const struct inventory *inventory, uint32_t id);
/* The pool's name; "?" where it is not there. */
const char *inventory_pool_name(const struct inventory *inventory, uint32_t id);
/* Whether one of the lease's addresses lies in a block that is draining. */
bool inventory_is_draining(const struct inventory *inventory, const struct lease *lease);

/* "held", "reserved", "bound", "dying"; "active", "draining"; "active", "terminating" */
const char *lease_state_name(enum lease_state state);
const char *block_state_name(enum block_state state);
const char *pool_state_name(enum pool_state state);

/* Addresses that the block can still give. */
uint32_t pool_free(const struct pool_family *pf);
uint32_t block_free(const struct block *block);

#endif

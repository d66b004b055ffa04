// SPDX-License-Identifier: GPL-2.0-only
/* Pools and blocks by id, and the words for their states. */
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/inventory.h"

static int by_id(const void *a, const void *b)
{
	/* both kinds of entry begin with their id */
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int inventory_read(struct pins *pins, struct inventory *inventory, struct error *e)
{
	int err;

	memset(inventory, 0, sizeof(*inventory));
	err = ipam_pools(pins, &inventory->pools, &inventory->pool_count, e);
	if (!err)
		err = ipam_blocks(pins, &inventory->blocks, &inventory->block_count, e);
	if (err) {
		inventory_free(inventory);
		return err;
	}
	if (inventory->pool_count)
		qsort(inventory->pools, inventory->pool_count, sizeof(*inventory->pools), by_id);
	return 0;
}

void inventory_free(struct inventory *inventory)
{
	free(inventory->pools);
	free(inventory->blocks);
	memset(inventory, 0, sizeof(*inventory));
}

const struct pool *inventory_pool(const struct inventory *inventory, uint32_t id)
{
	const struct pool_entry *found = NULL;

	if (inventory->pool_count)
		found = bsearch(&id, inventory->pools, inventory->pool_count,
				sizeof(*inventory->pools), by_id);
	return found ? &found->pool : NULL;
}

const struct block *inventory_block(const struct inventory *inventory, uint32_t id)
{
	const struct block_entry *found = NULL;

	if (inventory->block_count)
		found = bsearch(&id, inventory->blocks, inventory->block_count,
				sizeof(*inventory->blocks), by_id);
	return found ? &found->block : NULL;
}

const char *inventory_pool_name(const struct inventory *inventory, uint32_t id)
{
	const struct pool *pool = inventory_pool(inventory, id);

	return pool ? pool->name : "?";
}

bool inventory_is_draining(const struct inventory *inventory, const struct lease *lease)
{
	for (int f = 0; f < FAMILIES; f++) {
		const struct block *b = inventory_block(inventory, lease->ip[f].block);

		if (b && b->state == BLOCK_DRAINING)
			return true;
	}
	return false;
}

const char *lease_state_name(enum lease_state state)
{
	static const char *const names[] = {
		[LEASE_NONE] = "none",   [LEASE_HELD] = "held",   [LEASE_RESERVED] = "reserved",
		[LEASE_BOUND] = "bound", [LEASE_DYING] = "dying",
	};

	return state <= LEASE_DYING ? names[state] : "unknown";
}

const char *block_state_name(enum block_state state)
{
	static const char *const names[] = { "none", "active", "draining" };

	return state <= BLOCK_DRAINING ? names[state] : "unknown";
}

const char *pool_state_name(enum pool_state state)
{
	static const char *const names[] = { "none", "active", "terminating" };

	return state <= POOL_TERMINATING ? names[state] : "unknown";
}

uint32_t block_free(const struct block *block)
{
	uint32_t capacity = block_capacity(block);

	/* what is leased may be excluded since */
	return block->state == BLOCK_ACTIVE && capacity > block->used ? capacity - block->used : 0;
}

uint32_t pool_free(const struct pool_family *pf)
{
	return pf->capacity > pf->in_use ? pf->capacity - pf->in_use : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Names of states, and what is free. */
#include "loader/ipam/records.h"

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

	/* What is leased may be excluded since. */
	return block->state == BLOCK_ACTIVE && capacity > block->used ? capacity - block->used : 0;
}

uint32_t pool_free(const struct pool_family *pf)
{
	return pf->capacity > pf->in_use ? pf->capacity - pf->in_use : 0;
}

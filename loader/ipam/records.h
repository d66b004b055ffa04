/* SPDX-License-Identifier: GPL-2.0-only */
/* What one lease, block or pool says of itself. */
#ifndef PP_RECORDS_H
#define PP_RECORDS_H

#include <stdint.h>

#include "maps/blocks.h"
#include "maps/leases.h"
#include "maps/pools.h"

/* "held", "reserved", "bound", "dying"; "active", "draining"; "active", "terminating" */
const char *lease_state_name(enum lease_state state);
const char *block_state_name(enum block_state state);
const char *pool_state_name(enum pool_state state);

/* Addresses that the pool, or the block, can still give. */
uint32_t pool_free(const struct pool_family *pf);
uint32_t block_free(const struct block *block);

#endif

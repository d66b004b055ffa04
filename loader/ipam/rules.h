/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbers of multi-pool IPAM: demand, giving blocks, giving them back (IPAM.md 3 to 7). Pure. */
#ifndef PP_RULES_H
#define PP_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/manifest/pool_spec.h"
#include "loader/base/prefix.h"

#define BLOCK_ADDRESSES_MAX 65536 /* tracked of one block: min(2^h, 65536) (IPAM.md 3) */

/* IPAM.md 3: addresses tracked in a block, and those a pod may get: [low, high) */
uint32_t block_size(const struct prefix *block);
void block_range(const struct prefix *block, bool allow_first, bool allow_last, uint32_t *low,
		 uint32_t *high);

/* IPAM.md 4: the `needed` of CiliumNode's requested; saturates at UINT32_MAX */
uint32_t demand_needed(uint32_t in_use, uint32_t pending, uint32_t pre_allocation);

/* IPAM.md 6 */
struct block_view {
	uint32_t id;
	uint32_t usable, used;
	bool draining;
};

/* @blocks in the order in which they were allocated; sets drop[i] for those to give back; their count */
size_t release_choose(const struct block_view *blocks, size_t count, uint32_t needed,
		      uint32_t in_use, bool *drop);

/*
 * IPAM.md 5, block choice: next-fit of a block of @bits (128-based length) in @cidr, from the
 * @cursor-th block on, wrapping, that overlaps none of @taken (sorted by prefix_compare, not
 * overlapping each other) and touches none of @reserved. 0 and @block and its index in @index, or
 * -ENOSPC. The caller keeps cursor = index + 1.
 */
int carve_next(const struct prefix *cidr, unsigned int length, uint64_t cursor,
	       const struct prefix *taken, size_t taken_count, const struct address_range *reserved,
	       size_t reserved_count, struct prefix *block, uint64_t *index);

/* Which block of its size @block is in @cidr: carve_next()'s index. */
uint64_t block_index(const struct prefix *cidr, const struct prefix *block);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Arithmetic of pinpool-ipam(7): demand, allocation and release of blocks. Pure. */
#ifndef PP_RULES_H
#define PP_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/manifest/pool_spec.h"
#include "loader/base/prefix.h"

#define BLOCK_ADDRESSES_MAX 65536 /* tracked of one block: min(2^h, 65536) */

/* Addresses tracked in a block, and those that pods may get, [low, high): CHOICE OF THE ADDRESS. */
uint32_t block_size(const struct prefix *block);
void block_range(const struct prefix *block, bool allow_first, bool allow_last, uint32_t *low,
		 uint32_t *high);

/* The `needed` of CiliumNode's requested; saturates at UINT32_MAX: DEMAND. */
uint32_t demand_needed(uint32_t in_use, uint32_t pending, uint32_t pre_allocation);

/* Release of an empty block: BLOCKS OF A NODE. */
struct block_view {
	uint32_t id;
	uint32_t usable, used;
	bool draining;
};

/* @blocks in order of allocation; sets drop[i] for those to release; returns their number. */
size_t release_choose(const struct block_view *blocks, size_t count, uint32_t needed,
		      uint32_t in_use, bool *drop);

/*
 * Next-fit choice of a block of @bits (128-based length) in @cidr, from the @cursor-th block on,
 * wrapping, that overlaps nothing in the @lists (at most CARVE_LISTS) of @taken and none of @reserved.
 * 0 and @block and its index in @index, or -ENOSPC. The caller keeps cursor = index + 1.
 */
#define CARVE_LISTS 2
int carve_next(const struct prefix *cidr, unsigned int length, uint64_t cursor,
	       const struct prefix_list *taken, size_t lists, const struct address_range *reserved,
	       size_t reserved_count, struct prefix *block, uint64_t *index);

/* The index of @block in @cidr, among the blocks of its size: carve_next()'s index. */
uint64_t block_index(const struct prefix *cidr, const struct prefix *block);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of pinpool-ipam(7): size of blocks, demand, choice and release of blocks. */
#include <errno.h>
#include <string.h>

#include "loader/ipam/rules.h"

uint32_t block_size(const struct prefix *block)
{
	unsigned int host_bits = 128 - block->length;

	return host_bits > 16 ? BLOCK_ADDRESSES_MAX : UINT32_C(1) << host_bits;
}

void block_range(const struct prefix *block, bool allow_first, bool allow_last, uint32_t *low,
		 uint32_t *high)
{
	uint32_t size = block_size(block);

	*low = 0;
	*high = size;
	if (size <= 2)
		return;
	*low += !allow_first;
	*high -= !allow_last;
}

uint32_t demand_needed(uint32_t in_use, uint32_t pending, uint32_t pre_allocation)
{
	uint64_t needed = (uint64_t)in_use + pending;

	if (pre_allocation)
		needed = (needed / pre_allocation + 1) * pre_allocation +
			 (needed % pre_allocation ? pre_allocation : 0);
	return needed > UINT32_MAX ? UINT32_MAX : (uint32_t)needed;
}

static uint64_t block_free(const struct block_view *block)
{
	return block->usable > block->used ? block->usable - block->used : 0;
}

size_t release_choose(const struct block_view *blocks, size_t count, uint32_t needed,
		      uint32_t in_use, bool *drop)
{
	uint64_t free_needed = needed > in_use ? needed - in_use : 0;
	uint64_t free_total = 0;
	size_t dropped = 0;

	for (size_t i = 0; i < count; i++)
		free_total += blocks[i].draining ? 0 : block_free(&blocks[i]);
	for (size_t i = count; i-- > 0;) {
		const struct block_view *block = &blocks[i];

		drop[i] = !block->used &&
			  (block->draining || free_total - block_free(block) >= free_needed);
		if (!drop[i])
			continue;
		dropped++;
		/* A draining block was never in the sum: releasing it costs no headroom. */
		free_total -= block->draining ? 0 : block_free(block);
	}
	return dropped;
}

/* The bits of @addr from @from to @to as a number: the index of its block with @to bits. */
static uint64_t index_of(const struct addr *addr, unsigned int from, unsigned int to)
{
	uint64_t index = 0;

	for (unsigned int bit = from; bit < to; bit++)
		index = index << 1 | (addr->byte[bit / 8] >> (7 - bit % 8) & 1);
	return index;
}

uint64_t block_index(const struct prefix *cidr, const struct prefix *block)
{
	return index_of(&block->addr, cidr->length, block->length);
}

static struct prefix block_at(const struct prefix *cidr, unsigned int length, uint64_t index)
{
	struct prefix block = { .addr = cidr->addr, .length = length };

	for (unsigned int bit = length; bit-- > cidr->length; index >>= 1)
		block.addr.byte[bit / 8] |= (index & 1) << (7 - bit % 8);
	return block;
}

/* Where a walk through the blocks of a CIDR is in each list of what is taken. */
struct walk {
	const struct prefix_list *taken;
	size_t lists, at[CARVE_LISTS];
	const struct address_range *reserved;
	size_t reserved_count;
};

/* True if @block overlaps something; *last is the last address of the obstacle within it. */
static bool block_obstacle(struct walk *w, const struct prefix *block, struct addr *last)
{
	struct addr end = addr_last(block);

	for (size_t l = 0; l < w->lists; l++) {
		const struct prefix_list *list = &w->taken[l];
		size_t i = w->at[l] = prefix_list_find(list, w->at[l], &block->addr);

		if (i < list->count && prefix_overlaps(prefix_list_at(list, i), block)) {
			*last = addr_last(prefix_list_at(list, i));
			return true;
		}
	}
	for (size_t i = 0; i < w->reserved_count; i++) {
		if (addr_compare(&w->reserved[i].start, &end) > 0 ||
		    addr_compare(&w->reserved[i].end, &block->addr) < 0)
			continue;
		*last = w->reserved[i].end;
		return true;
	}
	return false;
}

int carve_next(const struct prefix *cidr, unsigned int length, uint64_t cursor,
	       const struct prefix_list *taken, size_t lists, const struct address_range *reserved,
	       size_t reserved_count, struct prefix *block, uint64_t *index)
{
	struct walk w = { taken, lists, {}, reserved, reserved_count };
	uint64_t count, at, end;

	if (length < cidr->length || length > 128 || length - cidr->length > 63)
		return -ENOSPC;
	count = UINT64_C(1) << (length - cidr->length);
	if (cursor >= count)
		cursor = 0;
	at = cursor;
	end = count;
	for (;;) {
		struct prefix candidate;
		struct addr last;

		if (at >= end && end == cursor)
			return -ENOSPC;
		if (at >= end) {
			/* The second half of the round: the part before the cursor. */
			at = 0;
			end = cursor;
			memset(w.at, 0, sizeof(w.at));
			continue;
		}
		candidate = block_at(cidr, length, at);
		if (!block_obstacle(&w, &candidate, &last)) {
			*block = candidate;
			*index = at;
			return 0;
		}
		/* One jump passes the obstacle however wide it is: a CIDR may have 2^32 blocks. */
		at = prefix_contains(cidr, &last) ? index_of(&last, cidr->length, length) + 1 : end;
	}
}

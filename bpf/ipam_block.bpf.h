/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks: their addresses, their list in the pool, and the pool's sums. */
#ifndef PP_IPAM_BLOCK_BPF_H
#define PP_IPAM_BLOCK_BPF_H

#include "bpf/bitmap.bpf.h"
#include "maps/blocks.bpf.h"
#include "maps/pool_cidrs.bpf.h"
#include "maps/pools.bpf.h"
#include "maps/txn.h"

static __always_inline struct block *block_get(__u32 id)
{
	return bpf_map_lookup_elem(&pp_blocks, &id);
}

static __always_inline struct pool_family *pool_family_get(__u32 pool, __u32 family)
{
	struct pool *p = bpf_map_lookup_elem(&pp_pools, &pool);

	if (!p || family >= FAMILIES)
		return NULL;
	barrier_var(p); /* or clang adds the offset before the check, which the verifier refuses */
	/* two constant offsets: 6.1 forgets the bound of an index that clang spills */
	return family == FAMILY_IPV4 ? &p->family[FAMILY_IPV4] : &p->family[FAMILY_IPV6];
}

static __always_inline __u64 addr_half(const struct addr *a, int low)
{
	return bpf_be64_to_cpu(*(const __be64 *)(a->byte + (low ? 8 : 0)));
}

/* The block's address at @offset; a block tracks 2^16 addresses, so no carry leaves the low half. */
static __always_inline void block_address(const struct block *b, __u32 offset, struct addr *a)
{
	*a = b->prefix.addr;
	*(__be64 *)(a->byte + 8) = bpf_cpu_to_be64(addr_half(&b->prefix.addr, 1) + offset);
}

/* The offset of an address in the block, NO_OFFSET if it lies outside. */
static __always_inline __u64 block_offset(const struct block *b, const struct addr *a)
{
	__u32 host = 128 - b->prefix.length;
	__u64 high = addr_half(a, 0) ^ addr_half(&b->prefix.addr, 0);
	__u64 low = addr_half(a, 1) ^ addr_half(&b->prefix.addr, 1);

	if (host < 64 ? high || low >> host : host < 128 && high >> (host - 64))
		return NO_OFFSET;
	/* the high half's host bits make it larger than any tracked offset */
	return high || low >= NO_OFFSET ? NO_OFFSET - 1 : low;
}

/* Ids grow, so an older block has the smaller one: the hint only has to move back. */
static __always_inline void hint_include(struct pool_family *pf, __u32 id)
{
	if (!pf->hint || id < pf->hint)
		pf->hint = id;
}

/* Adds (sign 1) a block to the sums of its pool, or takes it away (-1). */
static __always_inline void sums_apply(struct pool_family *pf, const struct block *b, int sign)
{
	if (b->state == BLOCK_DRAINING) {
		pf->draining += sign * b->used;
		return;
	}
	pf->capacity += sign * block_capacity(b);
	pf->in_use += sign * b->used;
	if (!b->used)
		pf->empty += sign;
}

__noinline int address_take(__u32 id, __u32 offset)
{
	struct block *b = block_get(id);
	struct pool_family *pf = b ? pool_family_get(b->pool, b->family) : NULL;
	__u64 *word = bitmap_word(id, offset);
	__u32 index = offset / CHUNK_ADDRESSES;

	if (!pf || !word)
		return -1;
	sums_apply(pf, b, -1);
	__sync_fetch_and_or(word, 1ULL << (offset % 64));
	b->used++;
	b->cursor = offset + 1;
	sums_apply(pf, b, 1);
	if (chunk_find(id, index, b->low, b->high) == NO_OFFSET)
		full_set(b, index, 1);
	return 0;
}

__noinline int address_free(__u32 id, __u32 offset)
{
	struct block *b = block_get(id);
	struct pool_family *pf = b ? pool_family_get(b->pool, b->family) : NULL;
	__u64 *word = bitmap_word(id, offset), bit = 1ULL << (offset % 64);

	if (!pf || !word || !(*word & bit))
		return -1;
	sums_apply(pf, b, -1);
	__sync_fetch_and_and(word, ~bit);
	b->used--;
	sums_apply(pf, b, 1);
	if (chunk_find(id, offset / CHUNK_ADDRESSES, b->low, b->high) != NO_OFFSET)
		full_set(b, offset / CHUNK_ADDRESSES, 0);
	if (b->state == BLOCK_ACTIVE)
		hint_include(pf, id);
	return 0;
}

/* Search for a block with a free address, starting at the pool's hint. */
struct block_walk {
	__u32 id;
	__u32 offset;
	struct addr requested;
	bool any;
	enum ipam_error error;
};

static long walk_free(__u32 i, void *data)
{
	struct block_walk *walk = data;
	struct block *b = block_get(walk->id);

	if (!b)
		return 1;
	if (b->state == BLOCK_ACTIVE && b->used < b->high - b->low) {
		walk->offset = bitmap_find(walk->id, b);
		if (walk->offset != NO_OFFSET)
			return 1;
	}
	walk->id = b->next;
	return 0;
}

static long walk_requested(__u32 i, void *data)
{
	struct block_walk *walk = data;
	struct block *b = block_get(walk->id);
	__u64 offset;
	__u64 *word;

	if (!b)
		return 1;
	offset = block_offset(b, &walk->requested);
	if (offset == NO_OFFSET) {
		walk->id = b->next;
		return 0;
	}
	walk->offset = offset;
	word = bitmap_word(walk->id, offset);
	if (offset < b->low || offset >= b->high || !word)
		walk->error = IPAM_NOT_IN_RANGE;
	else if (*word & 1ULL << (offset % 64))
		walk->error = IPAM_ADDRESS_TAKEN;
	else if (b->state != BLOCK_ACTIVE)
		walk->error = IPAM_ADDRESS_DRAINING;
	else if (offset_is_excluded(walk->id, offset))
		walk->error = IPAM_ADDRESS_EXCLUDED;
	else
		walk->error = IPAM_OK;
	return 1;
}

/* Chooses an address of the pool without taking it (pinpool-ipam(7), CHOICE OF THE ADDRESS). */
static __noinline enum ipam_error block_choose(__u32 pool, __u32 family, const struct addr *requested,
					       struct block_walk *walk)
{
	struct pool *p = bpf_map_lookup_elem(&pp_pools, &pool);
	struct pool_family *pf;

	if (!walk || !requested)
		return IPAM_FAULT;
	if (!p || family >= FAMILIES)
		return IPAM_NO_POOL;
	if (p->state != POOL_ACTIVE)
		return IPAM_POOL_TERMINATING;
	pf = &p->family[family];
	if (!pf->blocks)
		return IPAM_NO_BLOCK;
	walk->requested = *requested;
	walk->offset = NO_OFFSET;
	if (addr_half(requested, 0) || addr_half(requested, 1)) {
		walk->error = IPAM_NOT_IN_CIDR;
		walk->id = pf->first;
		bpf_loop(BLOCKS_MAX, walk_requested, walk, 0);
		return walk->error;
	}
	walk->id = pf->hint;
	bpf_loop(BLOCKS_MAX, walk_free, walk, 0);
	pf->hint = walk->id;
	return walk->offset == NO_OFFSET ? IPAM_EXHAUSTED : IPAM_OK;
}

#endif

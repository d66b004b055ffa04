/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools: creation, change, deletion. Blocks: allocation, release, draining and its reversal. */
#ifndef PP_IPAM_POOL_BPF_H
#define PP_IPAM_POOL_BPF_H

#include "bpf/ipam_block.bpf.h"
#include "maps/ipam.bpf.h"
#include "maps/objects.bpf.h"
#include "maps/pool_ids.bpf.h"
#include "maps/txn.h"

static struct pool_request pool_request;
static struct block_request block_request;
static struct exclude_request exclude_request;
static struct block_change changes[BLOCKS_MAX];
static struct pool_name pool_name;
static const struct ips_chunk empty_chunk;

static long change_apply(__u32 i, void *data)
{
	struct pool_family *pf;
	struct block *b;

	if (i >= BLOCKS_MAX)
		return 1;
	b = block_get(changes[i].block);
	pf = b ? pool_family_get(b->pool, b->family) : NULL;
	if (!pf || b->state == changes[i].state)
		return 0;
	sums_apply(pf, b, -1);
	b->state = changes[i].state;
	sums_apply(pf, b, 1);
	if (b->state == BLOCK_ACTIVE)
		hint_include(pf, changes[i].block);
	return 0;
}

/* Block changes of a request: read first, applied once nothing can fail. */
static __always_inline enum ipam_error changes_read(const struct pool_request *r)
{
	__u32 size = r->change_count * sizeof(changes[0]);

	if (r->change_count > BLOCKS_MAX || size > sizeof(changes))
		return IPAM_FAULT;
	return size && bpf_copy_from_user(changes, size, (void *)r->changes) ? IPAM_FAULT : IPAM_OK;
}

static __always_inline void changes_apply(const struct pool_request *r)
{
	bpf_loop(r->change_count, change_apply, NULL, 0);
}

static __always_inline enum ipam_error block_states(struct ipam *ipam, struct pool_request *r)
{
	if (r->expected != ipam->generation)
		return IPAM_STALE;
	if (changes_read(r))
		return IPAM_FAULT;
	changes_apply(r);
	ipam->generation++;
	return IPAM_OK;
}

struct cidr_walk {
	struct pool_cidr_key key;
	__u32 count; /* in the request; what an older list had beyond is removed */
	int failed;
};

static long cidr_write(__u32 i, void *data)
{
	struct cidr_walk *walk = data;
	__u32 family = walk->key.family;

	walk->key.index = i;
	if (i >= walk->count) {
		bpf_map_delete_elem(&pp_pool_cidrs, &walk->key);
		return 0;
	}
	if (i >= POOL_FAMILY_CIDRS || family >= FAMILIES)
		return 1;
	walk->failed = bpf_map_update_elem(&pp_pool_cidrs, &walk->key,
					   &pool_request.cidrs[family][i], BPF_ANY);
	return walk->failed != 0;
}

static __always_inline int cidrs_write(const struct pool_request *r, __u32 family)
{
	struct cidr_walk walk = {
		.key = { .pool = r->id, .family = family },
		.count = r->pool.family[family].cidrs,
	};

	bpf_loop(POOL_FAMILY_CIDRS, cidr_write, &walk, 0);
	return walk.failed;
}

static __always_inline void family_update(struct pool_family *to, const struct pool_family *from)
{
	to->mask_length = from->mask_length;
	to->cidrs = from->cidrs;
	to->pre_allocation = from->pre_allocation;
}

static __always_inline enum ipam_error pool_create(struct ipam *ipam, struct pool_request *r)
{
	__builtin_memcpy(pool_name.name, r->pool.name, PP_NAME);
	if (bpf_map_lookup_elem(&pp_pool_ids, &pool_name))
		return IPAM_STALE;
	r->id = ipam->last_pool + 1;
	if (bpf_map_update_elem(&pp_pools, &r->id, &r->pool, BPF_NOEXIST))
		return IPAM_NO_MEMORY;
	if (bpf_map_update_elem(&pp_pool_ids, &pool_name, &r->id, BPF_NOEXIST)) {
		bpf_map_delete_elem(&pp_pools, &r->id);
		return IPAM_NO_MEMORY;
	}
	ipam->last_pool = r->id;
	ipam->pools++;
	return IPAM_OK;
}

/*
 * Sets a pool's families, CIDRs, object, and the states of its blocks. If the kernel runs out of
 * memory halfway, the pool keeps its old numbers and the same request can be repeated.
 */
static __always_inline enum ipam_error pool_set(struct ipam *ipam, struct txn *txn,
						struct pool_request *r)
{
	enum ipam_error error;
	struct pool *pool;

	if (r->expected != ipam->generation)
		return IPAM_STALE;
	if (changes_read(r))
		return IPAM_FAULT;
	pool = bpf_map_lookup_elem(&pp_pools, &r->id);
	if (r->id && !pool)
		return IPAM_NO_POOL;
	if (!pool) {
		error = pool_create(ipam, r);
		if (error)
			return error;
		pool = bpf_map_lookup_elem(&pp_pools, &r->id);
	}
	txn->id = r->id;
	if (!pool || cidrs_write(r, FAMILY_IPV4) || cidrs_write(r, FAMILY_IPV6))
		return IPAM_NO_MEMORY;
	if (r->object_key.kind &&
	    bpf_map_update_elem(&pp_objects, &r->object_key, &r->object, BPF_ANY))
		return IPAM_NO_MEMORY;
	pool->state = r->pool.state;
	pool->flags = r->pool.flags;
	family_update(&pool->family[FAMILY_IPV4], &r->pool.family[FAMILY_IPV4]);
	family_update(&pool->family[FAMILY_IPV6], &r->pool.family[FAMILY_IPV6]);
	changes_apply(r);
	ipam->generation++;
	return IPAM_OK;
}

static __always_inline enum ipam_error pool_delete(struct ipam *ipam, struct txn *txn,
						   struct pool_request *r)
{
	struct pool *pool = bpf_map_lookup_elem(&pp_pools, &r->id);

	if (r->expected != ipam->generation)
		return IPAM_STALE;
	if (!pool)
		return IPAM_NO_POOL;
	if (changes_read(r))
		return IPAM_FAULT;
	txn->existed = pool->family[FAMILY_IPV4].blocks || pool->family[FAMILY_IPV6].blocks;
	ipam->generation++;
	if (txn->existed) {
		pool->state = POOL_TERMINATING;
		changes_apply(r);
		return IPAM_OK;
	}
	r->pool.family[FAMILY_IPV4].cidrs = 0;
	r->pool.family[FAMILY_IPV6].cidrs = 0;
	cidrs_write(r, FAMILY_IPV4);
	cidrs_write(r, FAMILY_IPV6);
	__builtin_memcpy(pool_name.name, pool->name, PP_NAME);
	if (r->object_key.kind)
		bpf_map_delete_elem(&pp_objects, &r->object_key);
	bpf_map_delete_elem(&pp_pool_ids, &pool_name);
	bpf_map_delete_elem(&pp_pools, &r->id);
	ipam->pools--;
	return IPAM_OK;
}

struct chunk_walk {
	struct ips_key key;
	bool failed;
};

static long chunk_make(__u32 i, void *data)
{
	struct chunk_walk *walk = data;

	walk->key.chunk = i;
	walk->failed = bpf_map_update_elem(&pp_ips, &walk->key, &empty_chunk, BPF_NOEXIST);
	return walk->failed;
}

static long chunk_remove(__u32 i, void *data)
{
	struct chunk_walk *walk = data;

	walk->key.chunk = i;
	bpf_map_delete_elem(&pp_ips, &walk->key);
	bpf_map_delete_elem(&pp_excluded, &walk->key);
	return 0;
}

static __always_inline __u32 block_chunks(const struct block *b)
{
	return (b->size + CHUNK_ADDRESSES - 1) / CHUNK_ADDRESSES;
}

static __always_inline enum ipam_error block_insert(__u32 id, const struct block *b)
{
	struct chunk_walk walk = { .key.block = id };

	bpf_loop(block_chunks(b), chunk_make, &walk, 0);
	if (!walk.failed && !bpf_map_update_elem(&pp_blocks, &id, b, BPF_NOEXIST))
		return IPAM_OK;
	bpf_loop(block_chunks(b), chunk_remove, &walk, 0);
	return IPAM_NO_MEMORY;
}

static __always_inline enum ipam_error block_carve(struct ipam *ipam, struct txn *txn,
						   struct block_request *r)
{
	struct pool_cidr_key key = { .pool = r->block.pool, .family = r->block.family, .index = r->cidr };
	struct pool_family *pf = pool_family_get(r->block.pool, r->block.family);
	struct block *b = &r->block, *last;
	struct pool_cidr *cidr;
	__u32 id = ipam->last_block + 1;
	enum ipam_error error;

	if (r->expected != ipam->generation)
		return IPAM_STALE;
	if (!pf)
		return IPAM_NO_POOL;
	if (!b->size || b->size > BLOCK_TRACKED || b->low >= b->high || b->high > b->size)
		return IPAM_FAULT;
	b->used = b->next = b->excluded = 0;
	b->prev = pf->last;
	b->cursor = b->low;
	b->full[0] = b->full[1] = 0;
	error = block_insert(id, b);
	if (error)
		return error;
	last = block_get(pf->last);
	if (last)
		last->next = id;
	else
		pf->first = id;
	pf->last = id;
	pf->blocks++;
	sums_apply(pf, b, 1);
	if (b->state == BLOCK_ACTIVE)
		hint_include(pf, id);
	cidr = bpf_map_lookup_elem(&pp_pool_cidrs, &key);
	if (cidr)
		cidr->cursor = r->cursor;
	txn->id = ipam->last_block = id;
	ipam->blocks++;
	ipam->generation++;
	return IPAM_OK;
}

/* Moves the cursor back to the dropped block, unless another one was allocated since. */
static __always_inline void carve_undo(const struct block *b, const struct block_request *r)
{
	struct pool_cidr_key key = { .pool = b->pool, .family = b->family, .index = r->cidr };
	struct pool_cidr *cidr = bpf_map_lookup_elem(&pp_pool_cidrs, &key);

	if (cidr && cidr->cursor == r->cursor + 1)
		cidr->cursor = r->cursor;
}

static __always_inline enum ipam_error block_drop(struct ipam *ipam, struct block_request *r)
{
	struct block *b = block_get(r->id), *prev, *next;
	struct chunk_walk walk = { .key.block = r->id };
	struct pool_family *pf;

	if (r->expected && r->expected != ipam->generation)
		return IPAM_STALE;
	pf = b ? pool_family_get(b->pool, b->family) : NULL;
	if (!pf)
		return IPAM_NO_BLOCK;
	if (b->used)
		return IPAM_IN_USE;
	if (r->undo)
		carve_undo(b, r);
	prev = block_get(b->prev);
	next = block_get(b->next);
	if (prev)
		prev->next = b->next;
	else
		pf->first = b->next;
	if (next)
		next->prev = b->prev;
	else
		pf->last = b->prev;
	if (pf->hint == r->id)
		pf->hint = b->next;
	pf->blocks--;
	sums_apply(pf, b, -1);
	bpf_loop(block_chunks(b), chunk_remove, &walk, 0);
	bpf_map_delete_elem(&pp_blocks, &r->id);
	ipam->blocks--;
	ipam->generation++;
	return IPAM_OK;
}

/* Counts the bits of an exclusion request, after clearing those outside of the block's range. */
static __always_inline __u32 exclude_count(struct exclude_request *r, const struct block *b)
{
	__u32 count = 0;

	for (__u32 w = 0; w < CHUNK_WORDS; w++) {
		__u32 base = r->key.chunk * CHUNK_ADDRESSES + w * 64;

		r->excluded.word[w] &= bits_between(base, b->low, b->high);
		count += __builtin_popcountll(r->excluded.word[w]);
	}
	return count;
}

static __always_inline __u32 excluded_count(const struct ips_key *key)
{
	struct ips_chunk *chunk = bpf_map_lookup_elem(&pp_excluded, key);
	__u32 count = 0;

	for (__u32 w = 0; chunk && w < CHUNK_WORDS; w++)
		count += __builtin_popcountll(chunk->word[w]);
	return count;
}

static __always_inline enum ipam_error block_exclude(struct exclude_request *r)
{
	struct block *b = block_get(r->key.block);
	struct pool_family *pf = b ? pool_family_get(b->pool, b->family) : NULL;
	__u32 count, before;

	if (!pf)
		return IPAM_NO_BLOCK;
	if (r->key.chunk >= block_chunks(b))
		return IPAM_FAULT;
	count = exclude_count(r, b);
	before = excluded_count(&r->key);
	if (!count)
		bpf_map_delete_elem(&pp_excluded, &r->key);
	else if (bpf_map_update_elem(&pp_excluded, &r->key, &r->excluded, BPF_ANY))
		return IPAM_NO_MEMORY;
	sums_apply(pf, b, -1);
	b->excluded += count - before;
	sums_apply(pf, b, 1);
	full_set(b, r->key.chunk,
		 chunk_find(r->key.block, r->key.chunk, b->low, b->high) == NO_OFFSET);
	if (b->state == BLOCK_ACTIVE)
		hint_include(pf, r->key.block);
	return IPAM_OK;
}

#endif

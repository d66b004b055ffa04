// SPDX-License-Identifier: GPL-2.0-only
/* The numbers of blocks and pools as they follow from the leases. */
#include <stdlib.h>
#include <string.h>

#include "loader/check/audit_parts.h"
#include "loader/kernel/map.h"
#include "loader/ipam/rules.h"

/*
 * Range and cursor: any range that the rules can give is right, for flags count for new blocks
 * only.
 */
static void want_range(struct block *b, const struct pool *pool)
{
	uint32_t low, high, flags = pool ? pool->flags : 0;

	b->size = block_size(&b->prefix);
	for (unsigned int allow = 0; allow < 4; allow++) {
		block_range(&b->prefix, allow & 1, allow & 2, &low, &high);
		if (b->low == low && b->high == high)
			goto cursor;
	}
	block_range(&b->prefix, flags & POOL_ALLOW_FIRST, flags & POOL_ALLOW_LAST, &b->low,
		    &b->high);
cursor:
	if (b->cursor < b->low || b->cursor > b->high)
		b->cursor = b->low;
}

static void take_bits(const struct snapshot *s, struct wanted *w)
{
	for (size_t i = 0; i < s->lease_count; i++) {
		for (int f = 0; f < FAMILIES; f++) {
			const struct lease_ip *ip = &s->leases[i].lease.ip[f];
			int64_t n = ip->block ? snapshot_block(s, ip->block) : -1;
			struct block *b = n < 0 ? NULL : &w->blocks[n];
			uint64_t offset = b ? addr_distance(&ip->address, &b->prefix.addr) : 0,
				 *word;

			if (!b || offset >= b->size)
				continue;
			word = &w->words[w->start[n] + offset / 64];
			/* two leases with one address are another violation, and one bit */
			b->used += !(*word >> (offset % 64) & 1);
			*word |= 1ULL << (offset % 64);
		}
	}
}

static const struct ips_chunk *excluded_of(const struct snapshot *s, uint32_t block, uint32_t chunk)
{
	for (size_t i = 0; i < s->excluded_count; i++)
		if (s->excluded[i].key.block == block && s->excluded[i].key.chunk == chunk)
			return &s->excluded[i].chunk;
	return NULL;
}

static bool chunk_is_full(const struct block *b, const uint64_t *words,
			  const struct ips_chunk *excluded, uint32_t chunk)
{
	uint32_t from = chunk * CHUNK_ADDRESSES, to = from + CHUNK_ADDRESSES;

	from = from < b->low ? b->low : from;
	to = to > b->high ? b->high : to;
	for (uint32_t i = from; i < to; i++)
		if (!(words[i / 64] >> (i % 64) & 1) &&
		    !(excluded && excluded->word[i / 64 % CHUNK_WORDS] >> (i % 64) & 1))
			return false;
	return true;
}

/* The summary of full chunks, and how many addresses are excluded. */
static void want_summary(const struct snapshot *s, struct wanted *w, size_t i)
{
	struct block *b = &w->blocks[i];

	for (uint32_t c = 0; c < block_chunks(b); c++) {
		const struct ips_chunk *excluded = excluded_of(s, s->inv.blocks[i].id, c);

		for (uint32_t n = 0; excluded && n < CHUNK_WORDS; n++)
			b->excluded += __builtin_popcountll(excluded->word[n]);
		if (chunk_is_full(b, w->words + w->start[i], excluded, c))
			b->full[c / 64] |= 1ULL << (c % 64);
	}
}

static void want_blocks(const struct snapshot *s, struct wanted *w)
{
	size_t words = 0;

	for (size_t i = 0; i < s->inv.block_count; i++) {
		struct block *b = &w->blocks[i];

		*b = s->inv.blocks[i].block;
		want_range(b, inventory_pool(&s->inv, b->pool));
		b->used = b->prev = b->next = b->excluded = 0;
		b->full[0] = b->full[1] = 0;
		w->start[i] = words;
		words += block_chunks(b) * CHUNK_WORDS;
	}
	w->words = xcalloc(words, sizeof(*w->words));
	take_bits(s, w);
	for (size_t i = 0; i < s->inv.block_count; i++)
		want_summary(s, w, i);
}

static bool is_open(const struct block *b)
{
	bool open = false;

	for (uint32_t c = 0; c < block_chunks(b); c++)
		open |= !(b->full[c / 64] >> (c % 64) & 1);
	return b->state == BLOCK_ACTIVE && open;
}

/* Adds block n, the newest so far, to the end of its pool's list and to the sums. */
static void chain(const struct snapshot *s, struct wanted *w, size_t n)
{
	struct block *b = &w->blocks[n];
	int64_t p = snapshot_pool(s, b->pool);
	uint32_t id = s->inv.blocks[n].id;
	struct pool_family *pf;

	if (p < 0 || b->family >= FAMILIES)
		return;
	pf = &w->pools[p].family[b->family];
	b->prev = pf->last;
	if (pf->last)
		w->blocks[snapshot_block(s, pf->last)].next = id;
	else
		pf->first = id;
	pf->last = id;
	pf->blocks++;
	if (b->state == BLOCK_DRAINING) {
		pf->draining += b->used;
		return;
	}
	pf->capacity += block_capacity(b);
	pf->in_use += b->used;
	pf->empty += !b->used;
	if (!pf->hint && is_open(b))
		pf->hint = id;
}

/* The hint may lag behind: it is right while no block before it has a free address. */
static void allow_hint(const struct snapshot *s, struct pool_family *want, size_t pool,
		       enum family f)
{
	uint32_t hint = s->inv.pools[pool].pool.family[f].hint;
	const struct block *b = inventory_block(&s->inv, hint);

	if (b && b->pool == s->inv.pools[pool].id && b->family == f &&
	    (!want->hint || hint < want->hint))
		want->hint = hint;
}

static void want_pools(const struct snapshot *s, struct wanted *w)
{
	for (size_t i = 0; i < s->inv.pool_count; i++) {
		w->pools[i] = s->inv.pools[i].pool;
		for (int f = 0; f < FAMILIES; f++) {
			struct pool_family *pf = &w->pools[i].family[f];

			*pf = (struct pool_family){ .mask_length = pf->mask_length,
						    .cidrs = pf->cidrs,
						    .pre_allocation = pf->pre_allocation };
		}
	}
	for (size_t n = 0; n < s->inv.block_count; n++)
		chain(s, w, n);
	for (size_t i = 0; i < s->inv.pool_count; i++)
		for (int f = 0; f < FAMILIES; f++)
			allow_hint(s, &w->pools[i].family[f], i, f);
}

static void raise(__u32 *last, uint32_t id)
{
	if (id > *last)
		*last = id;
}

static void want_counts(const struct snapshot *s, struct wanted *w)
{
	struct ipam *ipam = &w->ipam;

	*ipam = s->ipam;
	ipam->pools = s->inv.pool_count;
	ipam->blocks = s->inv.block_count;
	ipam->leases = s->lease_count;
	ipam->pods = 0;
	if (s->inv.pool_count)
		raise(&ipam->last_pool, s->inv.pools[s->inv.pool_count - 1].id);
	if (s->inv.block_count)
		raise(&ipam->last_block, s->inv.blocks[s->inv.block_count - 1].id);
	for (size_t i = 0; i < s->lease_count; i++) {
		raise(&ipam->last_pod, s->leases[i].lease.generation);
		ipam->pods += s->leases[i].lease.slot != NO_SLOT;
	}
}

void wanted_build(const struct snapshot *s, struct wanted *w)
{
	memset(w, 0, sizeof(*w));
	w->blocks = xcalloc(s->inv.block_count, sizeof(*w->blocks));
	w->start = xcalloc(s->inv.block_count, sizeof(*w->start));
	w->pools = xcalloc(s->inv.pool_count, sizeof(*w->pools));
	want_blocks(s, w);
	want_pools(s, w);
	want_counts(s, w);
}

void wanted_free(struct wanted *w)
{
	free(w->blocks);
	free(w->pools);
	free(w->words);
	free(w->start);
	memset(w, 0, sizeof(*w));
}

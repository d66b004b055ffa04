// SPDX-License-Identifier: GPL-2.0-only
/* The numbers of blocks and pools as they follow from the leases. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/derive/derive.h"
#include "loader/ipam/rules.h"
#include "maps/ips.h"

struct sums {
	const struct state *s;
	const struct row_list *excluded; /* pp_excluded as it is */
	struct block *blocks;        /* parallel to the state's, as the two below */
	struct pool *pools;
	struct ips_chunk **chunks;
};

static uint32_t block_chunks(const struct block *b)
{
	return (b->size + CHUNK_ADDRESSES - 1) / CHUNK_ADDRESSES;
}

/*
 * Range and cursor: any range that the rules can give is right, for flags count for new blocks
 * only.
 */
static void set_range(struct block *b, uint32_t flags)
{
	uint32_t low, high;

	b->size = block_size(&b->prefix);
	for (unsigned int allow = 0; allow < 4; allow++) {
		block_range(&b->prefix, allow & 1, allow & 2, &low, &high);
		if (b->low == low && b->high == high)
			goto cursor;
	}
	block_range(&b->prefix, flags & POOL_ALLOW_FIRST, flags & POOL_ALLOW_LAST, &b->low, &b->high);
cursor:
	if (b->cursor < b->low || b->cursor > b->high)
		b->cursor = b->low;
}

static void take_address(struct sums *w, const struct lease_ip *ip)
{
	const struct block_entry *entry = ip->block ? state_block(w->s, ip->block) : NULL;
	size_t n = entry ? (size_t)(entry - w->s->blocks) : 0;
	struct block *b = entry ? &w->blocks[n] : NULL;
	uint64_t offset = b ? addr_distance(&ip->address, &b->prefix.addr) : 0, bit = 1ULL << offset % 64;
	__u64 *word;

	if (!b || offset >= b->size)
		return;
	word = &w->chunks[n][offset / CHUNK_ADDRESSES].word[offset / 64 % CHUNK_WORDS];
	/* two leases with one address are another violation, and one bit */
	b->used += !(*word & bit);
	*word |= bit;
}

static bool is_full(const struct block *b, const struct ips_chunk *used,
		    const struct ips_chunk *excluded, uint32_t chunk)
{
	uint32_t from = chunk * CHUNK_ADDRESSES, to = from + CHUNK_ADDRESSES;

	from = from < b->low ? b->low : from;
	to = to > b->high ? b->high : to;
	for (uint32_t i = from; i < to; i++) {
		uint64_t word = used->word[i / 64 % CHUNK_WORDS];

		word |= excluded ? excluded->word[i / 64 % CHUNK_WORDS] : 0;
		if (!(word >> (i % 64) & 1))
			return false;
	}
	return true;
}

/* The summary of full chunks, and how many addresses are excluded. */
static void summarize(struct sums *w, size_t n)
{
	struct ips_key key = { .block = w->s->blocks[n].id };
	struct block *b = &w->blocks[n];

	for (; key.chunk < block_chunks(b); key.chunk++) {
		const struct ips_chunk *excluded = rows_find(w->excluded, &key);

		for (uint32_t i = 0; excluded && i < CHUNK_WORDS; i++)
			b->excluded += __builtin_popcountll(excluded->word[i]);
		if (is_full(b, &w->chunks[n][key.chunk], excluded, key.chunk))
			b->full[key.chunk / 64] |= 1ULL << (key.chunk % 64);
	}
}

static void sum_blocks(struct sums *w)
{
	const struct state *s = w->s;

	for (size_t i = 0; i < s->block_count; i++) {
		const struct pool_entry *pool = state_pool(s, s->blocks[i].block.pool);
		struct block *b = &w->blocks[i];

		*b = s->blocks[i].block;
		b->family = prefix_family(&b->prefix);
		set_range(b, pool ? pool->pool.flags : 0);
		b->used = b->prev = b->next = b->excluded = 0;
		b->full[0] = b->full[1] = 0;
		w->chunks[i] = xcalloc(block_chunks(b), sizeof(**w->chunks));
	}
	for (size_t i = 0; i < s->lease_count; i++)
		for (int f = 0; f < FAMILIES; f++)
			take_address(w, &s->leases[i].lease.ip[f]);
	for (size_t i = 0; i < s->block_count; i++)
		summarize(w, i);
}

static bool is_open(const struct block *b)
{
	bool open = false;

	for (uint32_t c = 0; c < block_chunks(b); c++)
		open |= !(b->full[c / 64] >> (c % 64) & 1);
	return b->state == BLOCK_ACTIVE && open;
}

/* Adds block n, the newest so far, to the end of its pool's list and to the sums. */
static void chain(struct sums *w, size_t n)
{
	const struct pool_entry *pool = state_pool(w->s, w->blocks[n].pool);
	struct block *b = &w->blocks[n];
	uint32_t id = w->s->blocks[n].id;
	struct pool_family *pf;

	if (!pool)
		return;
	pf = &w->pools[pool - w->s->pools].family[b->family];
	b->prev = pf->last;
	if (pf->last)
		w->blocks[state_block(w->s, pf->last) - w->s->blocks].next = id;
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
static void allow_hint(const struct state *s, struct pool_family *want, const struct pool_entry *pool,
		       enum family f)
{
	uint32_t hint = pool->pool.family[f].hint;
	const struct block_entry *b = state_block(s, hint);

	if (b && b->block.pool == pool->id && prefix_family(&b->block.prefix) == f &&
	    (!want->hint || hint < want->hint))
		want->hint = hint;
}

static void sum_pools(struct sums *w)
{
	const struct state *s = w->s;

	for (size_t i = 0; i < s->pool_count; i++) {
		w->pools[i] = s->pools[i].pool;
		for (int f = 0; f < FAMILIES; f++) {
			struct pool_family *pf = &w->pools[i].family[f];

			*pf = (struct pool_family){ .mask_length = pf->mask_length,
						    .cidrs = pf->cidrs,
						    .pre_allocation = pf->pre_allocation };
		}
	}
	for (size_t n = 0; n < s->block_count; n++)
		chain(w, n);
	for (size_t i = 0; i < s->pool_count; i++)
		for (int f = 0; f < FAMILIES; f++)
			allow_hint(s, &w->pools[i].family[f], &s->pools[i], f);
}

static void raise(__u32 *last, uint32_t id)
{
	if (id > *last)
		*last = id;
}

static struct ipam count_all(const struct state *s)
{
	struct ipam ipam = s->ipam;

	ipam.pools = s->pool_count;
	ipam.blocks = s->block_count;
	ipam.leases = s->lease_count;
	ipam.pods = 0;
	for (size_t i = 0; i < s->pool_count; i++)
		raise(&ipam.last_pool, s->pools[i].id);
	for (size_t i = 0; i < s->block_count; i++)
		raise(&ipam.last_block, s->blocks[i].id);
	for (size_t i = 0; i < s->lease_count; i++) {
		raise(&ipam.last_pod, s->leases[i].lease.generation);
		ipam.pods += s->leases[i].lease.slot != NO_SLOT;
	}
	return ipam;
}

void sum_rows(const struct state *s, const struct row_list *excluded, struct row_list *rows)
{
	struct sums w = { .s = s, .excluded = excluded };
	struct ipam ipam = count_all(s);
	__u32 zero = 0;

	w.blocks = xcalloc(s->block_count, sizeof(*w.blocks));
	w.pools = xcalloc(s->pool_count, sizeof(*w.pools));
	w.chunks = xcalloc(s->block_count, sizeof(*w.chunks));
	sum_blocks(&w);
	sum_pools(&w);
	for (size_t i = 0; i < s->block_count; i++) {
		struct ips_key key = { .block = s->blocks[i].id };

		rows_add(&rows[MAP_BLOCKS], &key.block, &w.blocks[i]);
		for (; key.chunk < block_chunks(&w.blocks[i]); key.chunk++)
			rows_add(&rows[MAP_IPS], &key, &w.chunks[i][key.chunk]);
		free(w.chunks[i]);
	}
	for (size_t i = 0; i < s->pool_count; i++)
		rows_add(&rows[MAP_POOLS], &s->pools[i].id, &w.pools[i]);
	rows_add(&rows[MAP_IPAM], &zero, &ipam);
	free(w.blocks);
	free(w.chunks);
	free(w.pools);
}

// SPDX-License-Identifier: GPL-2.0-only
/* pp_excluded: the addresses of this node's blocks that no pod may get. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/map.h"
#include "loader/derive/parts.h"

int facts_exclusions(struct facts *facts, struct netlink *nl, struct error *e)
{
	int err = excluded_by_routes(nl, &facts->exclusions, e);

	for (size_t i = 0; i < facts->node_count && !err; i++)
		excluded_by_node(facts->nodes[i].json, &facts->exclusions);
	excluded_sort(&facts->exclusions);
	return err;
}

static int by_key(const void *a, const void *b)
{
	const struct ips_key *x = a, *y = b;

	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* The offsets of @prefix in the block, as far as pods could have them: *from .. *to - 1. */
static bool offsets(const struct block *b, const struct prefix *prefix, uint32_t *from, uint32_t *to)
{
	struct addr last = addr_last(prefix);
	uint64_t first = 0, end;

	if (!prefix_overlaps(&b->prefix, prefix))
		return false;
	if (!prefix_covers(prefix, &b->prefix))
		first = addr_distance(&prefix->addr, &b->prefix.addr);
	end = addr_distance(&last, &b->prefix.addr);
	*from = first < b->low ? b->low : first > b->high ? b->high : first;
	*to = end < b->high ? end + 1 : b->high;
	return *from < *to;
}

static uint32_t chunk_count(const struct block *b)
{
	return (b->size + CHUNK_ADDRESSES - 1) / CHUNK_ADDRESSES;
}

/* A block and what is excluded of it. */
struct work {
	const struct block_entry *entry;
	struct ips_chunk *chunks; /* NULL: nothing */
};

static int by_prefix(const void *a, const void *b)
{
	const struct work *x = a, *y = b;

	return prefix_compare(&x->entry->block.prefix, &y->entry->block.prefix);
}

static int by_id(const void *a, const void *b)
{
	const struct work *x = a, *y = b;

	return x->entry->id < y->entry->id ? -1 : x->entry->id > y->entry->id;
}

/* The first block that ends at or after @addr: no two overlap, so their order is that of their ends. */
static size_t first_ending_after(const struct work *sorted, size_t count, const struct addr *addr)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct addr last = addr_last(&sorted[middle].entry->block.prefix);

		if (addr_compare(&last, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void mark(struct work *w, const struct prefix *prefix)
{
	const struct block *b = &w->entry->block;
	uint32_t from, to;

	if (!offsets(b, prefix, &from, &to))
		return;
	if (!w->chunks)
		w->chunks = xcalloc(chunk_count(b), sizeof(*w->chunks));
	for (uint32_t at = from; at < to; at++)
		w->chunks[at / CHUNK_ADDRESSES].word[at / 64 % CHUNK_WORDS] |= 1ULL << (at % 64);
}

static void emit(struct work *w, struct excluded_entry **list, size_t *count)
{
	static const struct ips_chunk none;

	for (uint32_t c = 0; w->chunks && c < chunk_count(&w->entry->block); c++) {
		if (!memcmp(&w->chunks[c], &none, sizeof(none)))
			continue;
		*list = xrealloc(*list, (*count + 1) * sizeof(**list));
		(*list)[(*count)++] = (struct excluded_entry){ { w->entry->id, c }, w->chunks[c] };
	}
	free(w->chunks);
}

void excluded_wanted(const struct facts *facts, struct excluded_entry **list, size_t *count)
{
	struct work *work = xcalloc(facts->block_count, sizeof(*work));
	size_t blocks = facts->block_count;

	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < blocks; i++)
		work[i].entry = &facts->blocks[i];
	if (blocks)
		qsort(work, blocks, sizeof(*work), by_prefix);
	for (size_t n = 0; n < facts->exclusions.count; n++) {
		const struct prefix *prefix = &facts->exclusions.list[n].prefix;
		size_t i = first_ending_after(work, blocks, &prefix->addr);

		for (; i < blocks && prefix_overlaps(&work[i].entry->block.prefix, prefix); i++)
			mark(&work[i], prefix);
	}
	if (blocks)
		qsort(work, blocks, sizeof(*work), by_id);
	for (size_t i = 0; i < blocks; i++)
		emit(&work[i], list, count);
	free(work);
}

int excluded_read(struct node *node, struct excluded_entry **list, size_t *count, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_EXCLUDED), err;

	*list = NULL;
	*count = 0;
	if (fd < 0)
		return pins_error(&node->pins, pinned_map_names[PIN_EXCLUDED], fd, e);
	err = map_read_all(fd, sizeof((*list)->key), offsetof(struct excluded_entry, chunk),
			   sizeof((*list)->chunk), sizeof(**list), (void **)list, count);
	if (err)
		return pins_error(&node->pins, pinned_map_names[PIN_EXCLUDED], err, e);
	if (*count)
		qsort(*list, *count, sizeof(**list), by_key);
	return 0;
}

static int exclude(struct node *node, const struct ips_key *key, const struct ips_chunk *chunk,
		   struct error *e)
{
	struct exclude_request request = { .key = *key, .excluded = *chunk };
	struct txn txn;
	int err = ipam_run(&node->pins, PROG_BLOCK_EXCLUDE, &request, &txn, e);

	/* a block that was given back meanwhile needs nothing */
	if (!err && txn.error && txn.error != IPAM_NO_BLOCK)
		err = error_set(e, -ENOMEM, "pp_excluded: no room for another entry (%d); delete unused pools",
				txn.error);
	return err;
}

int sync_excluded(struct node *node, const struct facts *facts, struct error *e)
{
	static const struct ips_chunk none;
	struct excluded_entry *want, *have;
	size_t wants, count, at = 0;
	int err = excluded_read(node, &have, &count, e);

	if (err)
		return err;
	excluded_wanted(facts, &want, &wants);
	for (size_t i = 0; i < wants && !err; i++) {
		for (; at < count && by_key(&have[at].key, &want[i].key) < 0 && !err; at++)
			err = exclude(node, &have[at].key, &none, e);
		if (err)
			break;
		if (at < count && !by_key(&have[at].key, &want[i].key) &&
		    !memcmp(&have[at++].chunk, &want[i].chunk, sizeof(want[i].chunk)))
			continue;
		err = exclude(node, &want[i].key, &want[i].chunk, e);
	}
	for (; at < count && !err; at++)
		err = exclude(node, &have[at].key, &none, e);
	free(want);
	free(have);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Blocks, their bitmaps, and the pools' sums against what the leases say. */
#include <stdlib.h>
#include <string.h>

#include "loader/check/audit_parts.h"
#include "loader/blocks/list.h"
#include "loader/blocks/blocks.h"
#include "loader/kernel/map.h"

static void compare_field(struct audit *a, const char *what, const char *field, uint32_t is,
			  uint32_t must)
{
	if (is != must)
		violation(a, "%s: %s is %u and must be %u", what, field, is, must);
}

static void check_numbers(struct audit *a, size_t n, const char *what)
{
	const struct block *b = &a->s.inv.blocks[n].block, *w = &a->w.blocks[n];

	if (b->state != BLOCK_ACTIVE && b->state != BLOCK_DRAINING)
		violation(a, "%s: its state is %d, which is none", what, b->state);
	compare_field(a, what, "family", b->family, prefix_family(&b->prefix));
	compare_field(a, what, "size", b->size, w->size);
	compare_field(a, what, "low", b->low, w->low);
	compare_field(a, what, "high", b->high, w->high);
	compare_field(a, what, "cursor", b->cursor, w->cursor);
	compare_field(a, what, "used", b->used, w->used);
	compare_field(a, what, "excluded", b->excluded, w->excluded);
	compare_field(a, what, "prev", b->prev, w->prev);
	compare_field(a, what, "next", b->next, w->next);
	if (memcmp(b->full, w->full, sizeof(b->full)))
		violation(a, "%s: its summary of full chunks is wrong", what);
}

/* An active block lies in a CIDR of its pool; a draining one has pods. */
static void check_place(struct audit *a, size_t n, const char *what)
{
	const struct block *b = &a->s.inv.blocks[n].block;
	int64_t p = snapshot_pool(&a->s, b->pool);

	if (p < 0)
		violation(a, "%s: its pool %u does not exist", what, b->pool);
	else if (b->state == BLOCK_ACTIVE &&
		 !blocks_in_pool(a->node, &a->s.inv.pools[p], &b->prefix))
		violation(a, "%s: is active and in no CIDR of pool \"%s\"", what,
			  a->s.inv.pools[p].pool.name);
	if (b->state == BLOCK_DRAINING && !a->w.blocks[n].used)
		violation(a, "%s: is draining and empty", what);
}

static void check_word(struct audit *a, size_t n, const char *what, uint32_t word, uint64_t is)
{
	const struct block *b = &a->s.inv.blocks[n].block;
	uint64_t must = a->w.words[a->w.start[n] + word];
	char text[ADDR_TEXT];

	for (uint32_t bit = 0; is != must && bit < 64; bit++) {
		struct addr addr = addr_add(&b->prefix.addr, word * 64 + bit);

		if ((is ^ must) >> bit & 1)
			violation(a, "%s: %s is %s", what, addr_format(&addr, text),
				  must >> bit & 1 ? "leased and its bit is clear"
						  : "marked as in use and no lease has it");
	}
}

static const struct chunk_entry *chunk_find(const struct audit *a, uint32_t block, uint32_t chunk)
{
	size_t low = 0, high = a->s.chunk_count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct ips_key *k = &a->s.chunks[mid].key;

		if (k->block == block && k->chunk == chunk)
			return &a->s.chunks[mid];
		if (k->block < block || (k->block == block && k->chunk < chunk))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void check_bitmap(struct audit *a, size_t n, const char *what)
{
	for (uint32_t c = 0; c < block_chunks(&a->w.blocks[n]); c++) {
		const struct chunk_entry *entry = chunk_find(a, a->s.inv.blocks[n].id, c);

		if (!entry)
			violation(a, "%s: chunk %u of its bitmap is missing", what, c);
		for (uint32_t w = 0; entry && w < CHUNK_WORDS; w++)
			check_word(a, n, what, c * CHUNK_WORDS + w, entry->chunk.word[w]);
	}
}

static void check_litter(struct audit *a)
{
	for (size_t i = 0; i < a->s.chunk_count; i++) {
		const struct ips_key *k = &a->s.chunks[i].key;
		int64_t n = snapshot_block(&a->s, k->block);

		if (n < 0 || k->chunk >= block_chunks(&a->w.blocks[n]))
			violation(a, "bitmap: chunk %u of block %u belongs to no block", k->chunk,
				  k->block);
	}
}

struct range {
	struct prefix prefix;
	const char *owner; /* another node; NULL: a block of ours */
};

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct range *)a)->prefix,
			      &((const struct range *)b)->prefix);
}

/* Sorted, what overlaps anything overlaps the widest range that began before it. */
static void check_overlaps(struct audit *a)
{
	size_t count = a->s.inv.block_count + a->s.facts.claim_count;
	struct range *list = xcalloc(count, sizeof(*list)), *widest = list;
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	for (size_t i = 0; i < count; i++) {
		size_t claim = i - a->s.inv.block_count;

		if (i < a->s.inv.block_count)
			list[i].prefix = a->s.inv.blocks[i].block.prefix;
		else
			list[i] = (struct range){ a->s.facts.claims[claim].prefix,
						  a->s.facts.claims[claim].node };
	}
	if (count)
		qsort(list, count, sizeof(*list), by_prefix);
	for (size_t i = 1; i < count; i++) {
		if (!prefix_overlaps(&widest->prefix, &list[i].prefix)) {
			widest = &list[i];
			continue;
		}
		/* what two other nodes claim was refused or warned of when it was applied */
		if (!widest->owner || !list[i].owner)
			violation(a, "block %s of %s overlaps %s of %s",
				  prefix_format(&widest->prefix, x), widest->owner ?: "this node",
				  prefix_format(&list[i].prefix, y), list[i].owner ?: "this node");
	}
	free(list);
}

static void check_list(struct audit *a)
{
	const char *path = a->node->config.state_file;
	struct error e;

	if (!block_list_is_current(a->node))
		violation(a, "%s: does not list the blocks that this node holds", path);
	if (block_list_probe(a->node, &e))
		violation(a, "%s", e.text);
}

void audit_blocks(struct audit *a)
{
	char cidr[PREFIX_TEXT], what[PREFIX_TEXT + 8];

	for (size_t n = 0; n < a->s.inv.block_count; n++) {
		snprintf(what, sizeof(what), "block %s",
			 prefix_format(&a->s.inv.blocks[n].block.prefix, cidr));
		check_numbers(a, n, what);
		check_place(a, n, what);
		check_bitmap(a, n, what);
	}
	check_litter(a);
	check_overlaps(a);
	check_list(a);
}

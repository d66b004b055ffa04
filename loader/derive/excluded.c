// SPDX-License-Identifier: GPL-2.0-only
/* pp_excluded: the addresses of this node's blocks that no pod may get. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/derive/derive.h"
#include "maps/excluded.h"

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

/* @chunks: of the block; NULL: nothing is excluded of it so far. */
static void mark(const struct block *b, const struct prefix *prefix, struct ips_chunk **chunks)
{
	uint32_t from, to;

	if (!offsets(b, prefix, &from, &to))
		return;
	if (!*chunks)
		*chunks = xcalloc(chunk_count(b), sizeof(**chunks));
	for (uint32_t at = from; at < to; at++)
		(*chunks)[at / CHUNK_ADDRESSES].word[at / 64 % CHUNK_WORDS] |= 1ULL << (at % 64);
}

int excluded_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	static const struct ips_chunk none;
	const struct state *s = x->state;
	struct ips_chunk **chunks = xcalloc(s->block_count, sizeof(*chunks)); /* by prefix */

	(void)e;
	for (size_t n = 0; n < s->exclusions.count; n++) {
		const struct prefix *prefix = &s->exclusions.list[n].prefix;
		size_t i = state_blocks_from(s, &prefix->addr);

		for (; i < s->block_count; i++) {
			const struct block *b = &s->blocks_by_prefix[i]->block;

			if (!prefix_overlaps(&b->prefix, prefix))
				break;
			mark(b, prefix, &chunks[i]);
		}
	}
	for (size_t i = 0; i < s->block_count; i++) {
		struct ips_key key = { .block = s->blocks_by_prefix[i]->id };

		for (; chunks[i] && key.chunk < chunk_count(&s->blocks_by_prefix[i]->block); key.chunk++)
			if (memcmp(&chunks[i][key.chunk], &none, sizeof(none)))
				rows_add(&rows[MAP_EXCLUDED], &key, &chunks[i][key.chunk]);
		free(chunks[i]);
	}
	free(chunks);
	return 0;
}

/* The transaction that also keeps the block's count; a block that was given back meanwhile needs nothing. */
int excluded_write(struct context *node, const void *key, const void *value, struct error *e)
{
	struct exclude_request request = {};
	struct txn txn;
	int err;

	memcpy(&request.key, key, sizeof(request.key));
	if (value)
		memcpy(&request.excluded, value, sizeof(request.excluded));
	err = ipam_run(&node->pins, PROG_BLOCK_EXCLUDE, &request, &txn, e);
	if (!err && txn.error == IPAM_NO_BLOCK && !value)
		bpf_map_delete_elem(pins_map(&node->pins, PIN_EXCLUDED), key);
	else if (!err && txn.error && txn.error != IPAM_NO_BLOCK)
		err = error_set(e, -ENOMEM, "pp_excluded: no room for another entry (%d); delete unused pools",
				txn.error);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Which blocks drain and which are active, in both modes: block_expected_state(), applied. */
#include <stdlib.h>

#include "loader/base/memory.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/remote.h"
#include "loader/ipam/state.h"
#include "loader/ipam/transactions.h"

/* The blocks of which the state is not the expected one; their number. */
static uint32_t list_changes(const struct block_lists *lists, const struct remote *others,
			     const struct state *s, struct block_change *changes)
{
	uint32_t count = 0;

	for (size_t i = 0; i < s->block_count; i++) {
		const struct block *b = &s->blocks[i].block;
		const struct pool_entry *p = state_pool(s, b->pool);
		/* Others' blocks are searched by prefix: with lists->others each block would read them all. */
		bool mine = p && state_covers(s, p, &b->prefix) && !remote_is_claimed(others, &b->prefix);
		enum block_state expected = block_expected_state(lists, mine, &b->prefix);

		if (expected != b->state)
			changes[count++] = (struct block_change){ s->blocks[i].id, expected };
	}
	return count;
}

static int settle(struct context *node, const struct block_lists *lists, struct txn *txn, struct error *e)
{
	struct pool_request *request = xcalloc(1, sizeof(*request));
	struct block_change *changes = NULL;
	struct remote others = {};
	struct state s;
	int err = state_read(node, STATE_POOLS | STATE_CIDRS | STATE_BLOCKS, &s, e);

	if (!err)
		err = remote_read(node, &others, e);
	if (!err) {
		changes = xcalloc(s.block_count, sizeof(*changes));
		request->change_count = list_changes(lists, &others, &s, changes);
		request->expected = s.ipam.generation;
		request->changes = (uintptr_t)changes;
	}
	if (request->change_count)
		err = ipam_run(&node->pins, PROG_BLOCK_STATE, request, txn, e);
	free(changes);
	free(request);
	remote_free(&others);
	state_free(&s);
	return err;
}

/* The states that all blocks should have, where they differ; one transaction. */
int blocks_settle(struct context *node, const struct claim *claims, size_t claim_count, struct error *e)
{
	const struct block_lists lists = { .own = claims,
					   .own_count = claim_count,
					   .is_static = node->config.allocator == NODE_ALLOCATOR_STATIC };
	struct txn txn;
	int err;

	do {
		txn = (struct txn){};
		err = settle(node, &lists, &txn, e);
	} while (!err && txn.error == IPAM_STALE);
	return err || !txn.error ? err : ipam_refused(&node->pins, PROG_BLOCK_STATE, &txn, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Blocks that this node does not need any more: given back to the operator. */
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "loader/ipam/transactions.h"
#include "loader/kube/agent.h"
#include "loader/kube/allocated.h"

#define TICK_MS 5000 /* a block must be unneeded at two of them before it is given back */

static bool holds(struct agent *a, const struct prefix *prefix)
{
	struct block_entry *blocks;
	bool held = true; /* if in doubt */
	size_t count;

	if (ipam_blocks(&a->reader.pins, &blocks, &count, NULL))
		return held;
	held = false;
	for (size_t i = 0; i < count; i++)
		held |= prefix_equal(&blocks[i].block.prefix, prefix);
	free(blocks);
	return held;
}

/*
 * Dropped here first: a pod that came in between keeps the block, which is ours again then. Only what is not held
 * is given back to the operator.
 */
static void give_back(struct agent *a, const struct prefix *list, size_t count)
{
	struct own *own = &a->own;
	bool kept = false;

	for (size_t i = 0; i < count; i++)
		prefixes_add(&own->giving, &own->giving_count, &list[i]);
	own_hand_over(a);
	objects_flush(a);
	for (size_t i = 0; i < count; i++)
		if (holds(a, &list[i])) {
			prefixes_remove(own->giving, &own->giving_count, &list[i]);
			kept = true;
		}
	if (kept)
		own_hand_over(a);
	own_look(a);
}

/* Listed, not held, and in no pool that could have it: drained, or a list edited by hand. */
static void add_unusable(struct agent *a, struct prefix **to, size_t *to_count)
{
	struct claim *list = NULL;
	size_t count = 0;

	claims_of(a->own.server, NULL, &list, &count);
	for (size_t i = 0; i < count; i++)
		if (!blocks_can_take(&a->reader, &list[i]) && !holds(a, &list[i].prefix))
			prefixes_add(to, to_count, &list[i].prefix);
	free(list);
}

/* Whether anything was leased, released, applied or asked for in vain since the last time. */
static bool is_changed(struct agent *a)
{
	struct own *own = &a->own;
	struct pending_entry *pending;
	struct ipam ipam;
	size_t count;
	bool same;

	if (ipam_read(&a->reader.pins, &ipam, NULL) || ipam_pendings(&a->reader.pins, &pending, &count, NULL))
		return false;
	free(pending);
	same = !memcmp(&ipam, &own->seen, sizeof(ipam)) && count == own->pending;
	own->seen = ipam;
	own->pending = count;
	return !same;
}

static void tick(void *arg)
{
	struct agent *a = arg;
	struct own *own = &a->own;
	struct prefix *now = NULL, *twice = NULL;
	size_t now_count = 0, count = 0;

	timer_start(a->loop, &own->tick, TICK_MS, tick, a);
	if (!own->server || !a->is_up || !a->is_synced)
		return;
	if (!is_changed(a) && !own->unmet_since && !own->surplus_count)
		return;
	blocks_surplus(&a->reader, &now, &now_count, NULL);
	add_unusable(a, &now, &now_count);
	for (size_t i = 0; i < now_count; i++)
		if (prefixes_have(own->surplus, own->surplus_count, &now[i]) &&
		    allocated_has(own->server, &now[i]))
			prefixes_add(&twice, &count, &now[i]);
	free(own->surplus);
	own->surplus = now;
	own->surplus_count = now_count;
	if (count)
		give_back(a, twice, count);
	else
		own_look(a);
	free(twice);
}

void own_start(struct agent *a)
{
	timer_start(a->loop, &a->own.tick, TICK_MS, tick, a);
	own_look(a); /* before, not all was known */
}

// SPDX-License-Identifier: GPL-2.0-only
/* A plan carried out: one transaction per object. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/apply/apply.h"
#include "loader/apply/check.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/kernel/store.h"

static void fill_families(struct pool_request *r, const struct apply_object *o,
			  const struct options *options)
{
	for (int f = 0; f < FAMILIES; f++) {
		const struct pool_family_spec *spec = &o->pool.family[f];
		struct pool_family *to = &r->pool.family[f];

		to->mask_length = spec->present ? prefix_length(f, spec->mask_size) : 0;
		to->cidrs = spec->cidr_count;
		to->pre_allocation = options_pre_allocation(options, o->name);
		for (size_t i = 0; i < spec->cidr_count; i++)
			r->cidrs[f][i].cidr = spec->cidrs[i];
	}
}

/* A cursor counts blocks: among those of another size, the first one from the same address on. */
static uint64_t cursor_convert(uint64_t cursor, uint32_t from, uint32_t to)
{
	if (to >= from)
		return cursor << (to - from);
	return (cursor + (UINT64_C(1) << (from - to)) - 1) >> (from - to);
}

/* A CIDR that stays keeps its cursor wherever it stands in the list now. */
static void keep_cursors(struct context *node, struct pool_request *r, const struct pool *old)
{
	struct pool_cidr before[POOL_FAMILY_CIDRS];

	for (int f = 0; f < FAMILIES; f++) {
		uint32_t from = old->family[f].mask_length, to = r->pool.family[f].mask_length;
		uint32_t count = old->family[f].cidrs;

		if (ipam_pool_cidrs(&node->pins, r->id, f, before, count))
			continue;
		for (uint32_t i = 0; i < r->pool.family[f].cidrs; i++)
			for (uint32_t k = 0; k < count; k++)
				if (prefix_equal(&r->cidrs[f][i].cidr, &before[k].cidr))
					r->cidrs[f][i].cursor = cursor_convert(before[k].cursor, from, to);
	}
}

static uint32_t flags_of(const struct apply_object *o)
{
	return (o->pool.allow_first ? POOL_ALLOW_FIRST : 0) |
	       (o->pool.allow_last ? POOL_ALLOW_LAST : 0) |
	       (o->pool.skip_masquerade ? POOL_SKIP_MASQUERADE : 0) |
	       (o->pool.pod_selector || o->pool.namespace_selector ? POOL_SELECTOR : 0) |
	       (o->auto_created ? POOL_AUTO_CREATED : 0);
}

/* The states of the pool's blocks once it is as @o says; NULL: it is deleted. */
static int fill_changes(struct context *node, struct pool_request *r, const struct apply_object *o,
			struct block_change **changes, struct error *e)
{
	bool local = node->config.allocator == NODE_ALLOCATOR_LOCAL;
	struct block_entry *blocks;
	size_t count;
	int err = ipam_blocks(&node->pins, &blocks, &count, e);

	*changes = NULL;
	if (err)
		return err;
	*changes = xcalloc(count, sizeof(**changes));
	for (size_t i = 0; i < count; i++) {
		const struct block *b = &blocks[i].block;
		bool covered = o && apply_covers(o, &b->prefix);

		/* Only blocks_settle() knows the lists of CiliumNodes: in static mode it alone makes a block active. */
		if (b->pool == r->id && (!covered || local))
			(*changes)[r->change_count++] = (struct block_change){
				blocks[i].id, covered ? BLOCK_ACTIVE : BLOCK_DRAINING };
	}
	r->changes = (uintptr_t)*changes;
	free(blocks);
	return 0;
}

static int pool_request_fill(struct context *node, struct pool_request *r, const struct apply_object *o,
			     const struct options *options, struct error *e)
{
	struct ipam ipam;
	struct pool old = {};
	int err;

	memset(r, 0, sizeof(*r));
	err = ipam_read(&node->pins, &ipam, e);
	if (err)
		return err;
	r->expected = ipam.generation;
	if (ipam_pool_find(&node->pins, o->name, &r->id, &old))
		r->id = 0;
	memcpy(r->pool.name, o->name, sizeof(r->pool.name));
	r->pool.state = POOL_ACTIVE;
	r->pool.created = time(NULL);
	r->pool.flags = flags_of(o);
	if (!o->auto_created)
		r->pool.flags |= old.flags & POOL_AUTO_CREATED;
	if (o->result == APPLY_DELETED)
		return 0;
	fill_families(r, o, options);
	if (r->id)
		keep_cursors(node, r, &old);
	if (!o->text)
		return 0;
	return store_prepare(&node->pins, OBJECT_POOL, o->name, o->text, &r->object_key, &r->object, e);
}

static int pool_commit(struct context *node, const struct apply_object *o,
		       const struct options *options, struct error *e)
{
	struct pool_request *r = xcalloc(1, sizeof(*r));
	bool gone = o->result == APPLY_DELETED;
	struct block_change *changes = NULL;
	struct txn txn;
	int err;

	do {
		err = pool_request_fill(node, r, o, options, e);
		if (!err && (r->id || !gone))
			err = fill_changes(node, r, gone ? NULL : o, &changes, e);
		if (gone) {
			r->object_key.kind = OBJECT_POOL;
			memcpy(r->object_key.name, o->name, sizeof(o->name));
		}
		txn.error = IPAM_OK;
		if (!err && (r->id || !gone))
			err = ipam_run(&node->pins, gone ? PROG_POOL_DELETE : PROG_POOL_SET, r, &txn, e);
		free(changes);
		changes = NULL;
	} while (!err && txn.error == IPAM_STALE);
	free(r);
	if (!err && txn.error && txn.error != IPAM_NO_POOL)
		err = error_set(e, -ENOMEM, "pool \"%s\": no room in the maps (%d); delete unused pools",
				o->name, txn.error);
	if (!err)
		store_sweep(&node->pins, OBJECT_POOL, o->name);
	return err;
}

static int object_commit(struct context *node, const struct apply_object *o, struct error *e)
{
	if (o->result == APPLY_DELETED)
		return store_delete(&node->pins, o->kind, o->name, e);
	return store_put(&node->pins, o->kind, o->name, o->text, e);
}

/* A CIDR that a pool of the plan has now, before it is committed. */
struct held {
	struct prefix prefix;
	size_t object;
};

struct order {
	struct held *held; /* sorted by prefix; no two overlap */
	size_t count;
	bool *done;        /* by object */
};

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct held *)a)->prefix, &((const struct held *)b)->prefix);
}

static void order_read(struct context *node, const struct apply *plan, struct order *order)
{
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	struct pool pool;
	uint32_t id;

	order->done = xcalloc(plan->count, sizeof(*order->done));
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind != OBJECT_POOL || !apply_is_change(o) ||
		    ipam_pool_find(&node->pins, o->name, &id, &pool) || pool.state != POOL_ACTIVE)
			continue;
		for (int f = 0; f < FAMILIES; f++) {
			uint32_t count = pool.family[f].cidrs;

			if (ipam_pool_cidrs(&node->pins, id, f, cidrs, count))
				continue;
			order->held = xrealloc(order->held, (order->count + count) * sizeof(*order->held));
			for (uint32_t c = 0; c < count; c++)
				order->held[order->count++] = (struct held){ cidrs[c].cidr, i };
		}
	}
	if (order->count)
		qsort(order->held, order->count, sizeof(*order->held), by_prefix);
}

/* Whether the CIDR is still in a pool other than @object, which then has to change first. */
static bool is_held(const struct order *order, const struct prefix *prefix, size_t object)
{
	size_t low = 0, high = order->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_compare(&order->held[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* the one before may cover it, those from here on may lie in it */
	for (size_t i = low ? low - 1 : 0; i < order->count; i++) {
		const struct held *h = &order->held[i];

		if (prefix_overlaps(&h->prefix, prefix)) {
			if (h->object != object && !order->done[h->object])
				return true;
		} else if (i >= low) {
			break;
		}
	}
	return false;
}

static bool waits(const struct order *order, const struct apply_object *o, size_t object)
{
	for (int f = 0; f < FAMILIES && o->result != APPLY_DELETED; f++)
		for (size_t i = 0; i < o->pool.family[f].cidr_count; i++)
			if (is_held(order, &o->pool.family[f].cidrs[i], object))
				return true;
	return false;
}

static bool holds(const struct order *order, size_t object)
{
	for (size_t i = 0; i < order->count; i++)
		if (order->held[i].object == object)
			return true;
	return false;
}

/*
 * One round over the plan. 1: some were committed; 0: none could be, and then *stuck is one that waits
 * and that others wait for.
 */
static int pools_round(struct context *node, struct apply *plan, struct order *order, size_t *stuck,
		       bool *finished, struct error *e)
{
	bool waiting = false;
	int progress = 0, err;

	*stuck = plan->count;
	for (size_t i = 0; i < plan->count; i++) {
		struct apply_object *o = &plan->objects[i];

		if (order->done[i] || o->kind != OBJECT_POOL || !apply_is_change(o))
			continue;
		if (waits(order, o, i)) {
			if (*stuck == plan->count && holds(order, i))
				*stuck = i;
			waiting = true;
			continue;
		}
		err = pool_commit(node, o, &plan->options, e);
		if (err)
			return err;
		order->done[i] = true;
		progress = 1;
	}
	*finished = !waiting;
	return progress;
}

static bool is_held_by(const struct order *order, const struct prefix *prefix, size_t object)
{
	for (size_t i = 0; i < order->count; i++)
		if (order->held[i].object == object && prefix_equal(&order->held[i].prefix, prefix))
			return true;
	return false;
}

/*
 * Takes those of a pool's CIDRs away that it is not to keep, its object untouched: should we die now,
 * the next apply sees a change.
 */
static int pool_strip(struct context *node, const struct apply *plan, size_t object,
		      struct order *order, struct error *e)
{
	struct apply_object bare = plan->objects[object];
	size_t kept = 0;

	for (int f = 0; f < FAMILIES; f++) {
		struct pool_family_spec *to = &bare.pool.family[f];
		size_t n = 0;

		for (size_t i = 0; i < to->cidr_count; i++)
			if (is_held_by(order, &to->cidrs[i], object))
				to->cidrs[n++] = to->cidrs[i];
		to->cidr_count = n;
	}
	bare.text = NULL;
	for (size_t i = 0; i < order->count; i++)
		if (order->held[i].object != object)
			order->held[kept++] = order->held[i];
	order->count = kept;
	return pool_commit(node, &bare, &plan->options, e);
}

/*
 * Pools in an order in which no CIDR is ever in two of them. Where pools swap CIDRs there is none: then
 * one of them goes first without any.
 */
static int pools_commit(struct context *node, struct apply *plan, struct error *e)
{
	struct order order = {};
	bool finished = false;
	size_t stuck;
	int err = 0;

	order_read(node, plan, &order);
	while (err >= 0 && !finished) {
		err = pools_round(node, plan, &order, &stuck, &finished, e);
		if (!err && !finished)
			err = pool_strip(node, plan, stuck, &order, e);
	}
	free(order.held);
	free(order.done);
	return err < 0 ? err : 0;
}

/* In local mode a node's own CiliumNode says what to take now; demand decides what stays. */
static int own_node_commit(struct context *node, const struct apply_object *o,
			   const struct options *options, struct error *e)
{
	struct claim *claims = NULL;
	size_t count = 0;
	int err;

	if (options->allocator != ALLOCATOR_LOCAL || strcmp(o->name, node->config.node) ||
	    o->result == APPLY_DELETED)
		return 0;
	claims_of(o->json, options->default_pool, &claims, &count);
	err = blocks_match(node, claims, count, 0, e);
	free(claims);
	return err;
}

/* Each change removes pp_remote again: taking this node's own blocks has made it of the objects so far. */
static int node_commit(struct context *node, const struct apply_object *o,
		       const struct options *options, struct error *e)
{
	int err = remote_forget(node, e);

	if (!err)
		err = object_commit(node, o, e);
	return err ? err : own_node_commit(node, o, options, e);
}

int apply_commit(struct context *node, struct apply *plan, struct error *e)
{
	int err;

	apply_list_changes(node, plan);
	err = node_changes_begin(node, &plan->changes, e);
	if (!err)
		err = pools_commit(node, plan, e);
	for (size_t i = 0; i < plan->count && !err; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind == OBJECT_POOL || !apply_is_change(o))
			continue;
		err = o->kind == OBJECT_CILIUMNODE ? node_commit(node, o, &plan->options, e) :
					       object_commit(node, o, e);
	}
	return err ? err : node_changes_end(node, &plan->changes, e);
}

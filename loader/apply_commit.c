// SPDX-License-Identifier: GPL-2.0-only
/* A plan carried out: one transaction per object. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/apply.h"
#include "loader/blocks.h"
#include "loader/claims.h"
#include "loader/ipam.h"
#include "loader/map.h"
#include "loader/store.h"
#include "loader/sync.h"

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
static void keep_cursors(struct node *node, struct pool_request *r, const struct pool *old)
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
static int fill_changes(struct node *node, struct pool_request *r, const struct apply_object *o,
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

		/* in static mode only the CiliumNode un-drains: blocks_settle() knows it */
		if (b->pool == r->id && (!covered || local))
			(*changes)[r->change_count++] = (struct block_change){
				blocks[i].id, covered ? BLOCK_ACTIVE : BLOCK_DRAINING };
	}
	r->changes = (uintptr_t)*changes;
	free(blocks);
	return 0;
}

static int pool_request_fill(struct node *node, struct pool_request *r, const struct apply_object *o,
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
	return store_prepare(&node->pins, OBJECT_POOL, o->name, o->text, &r->object_key, &r->object, e);
}

static int pool_commit(struct node *node, const struct apply_object *o,
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

static int object_commit(struct node *node, const struct apply_object *o, struct error *e)
{
	struct object_chunk head;
	struct object_key key;
	int err;

	if (o->result == APPLY_DELETED)
		return store_delete(&node->pins, o->kind, o->name, e);
	err = store_prepare(&node->pins, o->kind, o->name, o->text, &key, &head, e);
	return err ? err : store_publish(&node->pins, &key, &head, e);
}

static bool is_change(const struct apply_object *o)
{
	return o->kind && (o->result == APPLY_CREATED || o->result == APPLY_CONFIGURED ||
			   o->result == APPLY_DELETED);
}

/* Whether a CIDR that the pool is to have is still another pool's: that one has to change first. */
static bool waits(struct node *node, const struct apply *plan, const struct apply_object *o)
{
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	struct pool pool;
	uint32_t id;

	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *other = &plan->objects[i];

		if (other == o || other->kind != OBJECT_POOL || !is_change(other) ||
		    ipam_pool_find(&node->pins, other->name, &id, &pool))
			continue;
		for (int f = 0; f < FAMILIES && pool.state == POOL_ACTIVE; f++) {
			if (ipam_pool_cidrs(&node->pins, id, f, cidrs, pool.family[f].cidrs))
				continue;
			for (uint32_t c = 0; c < pool.family[f].cidrs; c++)
				for (size_t k = 0; k < o->pool.family[f].cidr_count; k++)
					if (prefix_overlaps(&cidrs[c].cidr, &o->pool.family[f].cidrs[k]))
						return true;
		}
	}
	return false;
}

/*
 * Pools in an order in which no CIDR is ever in two of them. Where pools swap CIDRs there is none: then
 * one of them goes first without any.
 */
static int pools_commit(struct node *node, struct apply *plan, struct error *e)
{
	bool *done = xcalloc(plan->count, sizeof(*done)), progress = true;
	bool single = true;
	size_t changes = 0;
	int err = 0;

	for (size_t i = 0; i < plan->count; i++)
		changes += plan->objects[i].kind == OBJECT_POOL && is_change(&plan->objects[i]);
	single = changes <= 1;
	for (size_t left = 1; left && !err;) {
		struct apply_object *stuck = NULL;

		progress = false;
		left = 0;
		for (size_t i = 0; i < plan->count && !err; i++) {
			struct apply_object *o = &plan->objects[i];

			if (done[i] || o->kind != OBJECT_POOL || !is_change(o))
				continue;
			if (!single && o->result != APPLY_DELETED && waits(node, plan, o)) {
				stuck = stuck ? stuck : o;
				left++;
				continue;
			}
			err = pool_commit(node, o, &plan->options, e);
			done[i] = progress = true;
		}
		if (!err && !progress && stuck) {
			struct apply_object bare = *stuck;

			bare.pool.family[FAMILY_IPV4].cidr_count = bare.pool.family[FAMILY_IPV6].cidr_count = 0;
			err = pool_commit(node, &bare, &plan->options, e);
		}
	}
	free(done);
	return err;
}

/* In local mode a node's own CiliumNode says what to take now; demand decides what stays. */
static int own_node_commit(struct node *node, const struct apply_object *o,
			   const struct options *options, struct error *e)
{
	struct claim *claims = NULL;
	size_t count = 0;
	int err;

	if (options->allocator != ALLOCATOR_LOCAL || strcmp(o->name, node->config.node) ||
	    o->result == APPLY_DELETED)
		return 0;
	claims_of(o->json, options->default_pool, &claims, &count);
	err = blocks_match(node, claims, count, e);
	free(claims);
	return err;
}

int apply_commit(struct node *node, struct apply *plan, struct error *e)
{
	int err = pools_commit(node, plan, e);

	for (size_t i = 0; i < plan->count && !err; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind == OBJECT_POOL || !is_change(o))
			continue;
		err = object_commit(node, o, e);
		if (!err && o->kind == OBJECT_NODE)
			err = own_node_commit(node, o, &plan->options, e);
	}
	return err;
}

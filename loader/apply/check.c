// SPDX-License-Identifier: GPL-2.0-only
/* Overlaps between pools, draining blocks and nodes, before anything is changed. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/apply/check.h"
#include "loader/ipam/claims.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"

struct range {
	struct prefix prefix;
	const char *owner;
	bool draining; /* a block of this node that its pool does not cover any more */
};

struct ranges {
	struct range *list;
	size_t count;
};

static void add(struct ranges *r, const struct prefix *prefix, const char *owner, bool draining)
{
	if (!(r->count & (r->count - 1)))
		r->list = xrealloc(r->list, (r->count ? r->count * 2 : 1) * sizeof(*r->list));
	r->list[r->count++] = (struct range){ *prefix, owner, draining };
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct range *)a)->prefix, &((const struct range *)b)->prefix);
}

static int report(const struct range *a, const struct range *b, struct error *e)
{
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	prefix_format(&a->prefix, x);
	prefix_format(&b->prefix, y);
	if (a->draining || b->draining)
		return error_set(e, -EEXIST,
				 "pool \"%s\": CIDR %s overlaps block %s of pool \"%s\", which is draining; wait until its last pod is gone, or use another range",
				 a->draining ? b->owner : a->owner, a->draining ? y : x,
				 a->draining ? x : y, a->draining ? a->owner : b->owner);
	return error_set(e, -EEXIST, "pool \"%s\": CIDR %s overlaps CIDR %s of pool \"%s\"; use disjoint ranges",
			 b->owner, y, x, a->owner);
}

/* Sorted by address, two prefixes overlap somewhere if and only if two neighbours do. */
static int check_disjoint(struct ranges *r, struct error *e)
{
	if (r->count)
		qsort(r->list, r->count, sizeof(*r->list), by_prefix);
	for (size_t i = 1; i < r->count; i++)
		if (prefix_overlaps(&r->list[i - 1].prefix, &r->list[i].prefix))
			return report(&r->list[i - 1], &r->list[i], e);
	return 0;
}

static void add_pools(const struct apply *plan, struct ranges *r)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind != OBJECT_POOL || o->result == APPLY_DELETED)
			continue;
		for (int f = 0; f < FAMILIES; f++)
			for (size_t c = 0; c < o->pool.family[f].cidr_count; c++)
				add(r, &o->pool.family[f].cidrs[c], o->name, false);
	}
}

static int check_pools(struct node *node, const struct apply *plan, struct error *e)
{
	struct pool_entry *pools;
	struct block_entry *blocks;
	struct ranges r = {};
	size_t pool_count, block_count;
	int err = ipam_pools(&node->pins, &pools, &pool_count, e);

	if (err)
		return err;
	err = ipam_blocks(&node->pins, &blocks, &block_count, e);
	if (err)
		goto out;
	add_pools(plan, &r);
	for (size_t i = 0; i < block_count; i++) {
		const char *pool = "?";
		const struct apply_object *o;

		for (size_t p = 0; p < pool_count; p++)
			if (pools[p].id == blocks[i].block.pool)
				pool = pools[p].pool.name;
		o = apply_pool(plan, pool);
		/* an empty block goes at once, nobody's address is in the way */
		if (blocks[i].block.used && (!o || !apply_covers(o, &blocks[i].block.prefix)))
			add(&r, &blocks[i].block.prefix, pool, true);
	}
	err = check_disjoint(&r, e);
	free(blocks);
out:
	free(r.list);
	free(pools);
	return err;
}

static int claims_overlap(const struct claim *a, const struct claim *b, struct error *e)
{
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	return error_set(e, -EEXIST,
			 "CiliumNode \"%s\": block %s of pool \"%s\" overlaps %s of CiliumNode \"%s\"; a block belongs to one node",
			 b->node, prefix_format(&b->prefix, y), b->pool, prefix_format(&a->prefix, x), a->node);
}

static bool is_held(const struct block_entry *blocks, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&blocks[i].block.prefix, prefix))
			return true;
	return false;
}

/*
 * A block that this node's own object lists. One that the node holds may be outside its pool, or its
 * pool gone: it drains, and pinpool itself publishes it so. Another one is left out.
 */
static int check_own_block(struct node *node, struct apply *plan, const struct claim *claim,
			   struct error *e)
{
	const struct apply_object *pool = apply_pool(plan, claim->pool);
	char text[PREFIX_TEXT];
	struct error warning;

	if (!pool)
		return error_set(e, -ENOENT,
				 "CiliumNode \"%s\": cannot reuse from non-existing pool: %s; apply the pool too",
				 node->config.node, claim->pool);
	if (apply_covers(pool, &claim->prefix))
		return 0;
	error_set(&warning, -EINVAL,
		  "CiliumNode \"%s\": unable to reuse from pool %s: cidr %s is not part of the requested pool: not taken; correct the CiliumNode or the pool",
		  node->config.node, claim->pool, prefix_format(&claim->prefix, text));
	apply_warn(plan, "%s", warning.text);
	return 0;
}

static int check_own(struct node *node, struct apply *plan, const struct apply_object *o,
		     struct error *e)
{
	struct block_entry *blocks;
	struct claim *claims = NULL;
	size_t count = 0, block_count;
	int err = ipam_blocks(&node->pins, &blocks, &block_count, e);

	if (err)
		return err;
	claims_of(o->json, plan->options.default_pool, &claims, &count);
	for (size_t i = 0; !err && i < count; i++)
		if (!is_held(blocks, block_count, &claims[i].prefix))
			err = check_own_block(node, plan, &claims[i], e);
	free(claims);
	free(blocks);
	return err;
}

/* What this node holds is claimed, listed or not; an empty block gives way. */
static int claim_held(struct node *node, struct claim **claims, size_t *count, struct error *e)
{
	struct block_entry *blocks;
	struct pool pool;
	size_t n;
	int err = ipam_blocks(&node->pins, &blocks, &n, e);

	for (size_t i = 0; i < n; i++) {
		struct claim claim = { .prefix = blocks[i].block.prefix, .node = node->config.node };

		if (!blocks[i].block.used || ipam_pool_read(&node->pins, blocks[i].block.pool, &pool))
			continue;
		memcpy(claim.pool, pool.name, sizeof(claim.pool));
		*claims = xrealloc(*claims, (*count + 1) * sizeof(**claims));
		(*claims)[(*count)++] = claim;
	}
	free(blocks);
	return err;
}

static int check_nodes(struct node *node, struct apply *plan, struct error *e)
{
	bool changed = false, fixed = plan->options.allocator == ALLOCATOR_STATIC;
	struct claim *claims = NULL;
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; !err && i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];
		bool fresh = o->result == APPLY_CREATED || o->result == APPLY_CONFIGURED;

		if (o->kind != OBJECT_NODE || o->result == APPLY_DELETED)
			continue;
		/* what demand has moved on from since this node was given its list */
		if (!fresh && !fixed && !strcmp(o->name, node->config.node))
			continue;
		claims_of(o->json, plan->options.default_pool, &claims, &count);
		changed |= fresh;
		if (fresh && !strcmp(o->name, node->config.node))
			err = check_own(node, plan, o, e);
	}
	if (!err && changed)
		err = claim_held(node, &claims, &count, e);
	claims_sort(claims, count);
	for (size_t i = 1; !err && changed && i < count; i++)
		if (prefix_overlaps(&claims[i - 1].prefix, &claims[i].prefix) &&
		    (strcmp(claims[i - 1].node, claims[i].node) ||
		     !prefix_equal(&claims[i - 1].prefix, &claims[i].prefix)))
			err = claims_overlap(&claims[i - 1], &claims[i], e);
	free(claims);
	return err;
}

int apply_check(struct node *node, struct apply *plan, struct error *e)
{
	int err = check_pools(node, plan, e);

	if (!err)
		err = check_nodes(node, plan, e);
	return err ? err : apply_check_overlaps(node, plan, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Overlaps between pools, draining blocks and nodes, before anything is changed. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/apply/check.h"
#include "loader/ipam/state.h"
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

static int check_pools(const struct state *s, const struct apply *plan, struct error *e)
{
	struct ranges r = {};
	int err;

	add_pools(plan, &r);
	for (size_t i = 0; i < s->block_count; i++) {
		const struct block *b = &s->blocks[i].block;
		const char *pool = state_pool_name(s, b->pool);
		const struct apply_object *o = apply_pool(plan, pool);

		/* an empty block goes at once, nobody's address is in the way */
		if (b->used && (!o || !apply_covers(o, &b->prefix)))
			add(&r, &b->prefix, pool, true);
	}
	err = check_disjoint(&r, e);
	free(r.list);
	return err;
}

static int claims_overlap(const struct claim *a, const struct claim *b, struct error *e)
{
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	return error_set(e, -EEXIST,
			 "CiliumNode \"%s\": block %s of pool \"%s\" overlaps %s of CiliumNode \"%s\"; a block belongs to one node",
			 b->node, prefix_format(&b->prefix, y), b->pool, prefix_format(&a->prefix, x), a->node);
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

static int check_own(struct node *node, const struct state *s, struct apply *plan,
		     const struct apply_object *o, struct error *e)
{
	struct claim *claims = NULL;
	size_t count = 0;
	int err = 0;

	claims_of(o->json, plan->options.default_pool, &claims, &count);
	for (size_t i = 0; !err && i < count; i++)
		if (!state_block_at(s, &claims[i].prefix))
			err = check_own_block(node, plan, &claims[i], e);
	free(claims);
	return err;
}

/* What this node holds is claimed, listed or not; an empty block gives way. */
static void claim_held(struct node *node, const struct state *s, struct claim **claims, size_t *count)
{
	for (size_t i = 0; i < s->block_count; i++) {
		const struct pool_entry *pool = state_pool(s, s->blocks[i].block.pool);
		struct claim claim = { .prefix = s->blocks[i].block.prefix, .node = node->config.node };

		if (!s->blocks[i].block.used || !pool)
			continue;
		memcpy(claim.pool, pool->pool.name, sizeof(claim.pool));
		*claims = xrealloc(*claims, (*count + 1) * sizeof(**claims));
		(*claims)[(*count)++] = claim;
	}
}

static int check_nodes(struct node *node, const struct state *s, struct apply *plan,
		       struct error *e)
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
			err = check_own(node, s, plan, o, e);
	}
	if (!err && changed)
		claim_held(node, s, &claims, &count);
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
	struct state s;
	int err = state_read(node, STATE_POOLS | STATE_BLOCKS, &s, e);

	if (err)
		return err;
	err = check_pools(&s, plan, e);
	if (!err)
		err = check_nodes(node, &s, plan, e);
	state_free(&s);
	return err ? err : apply_check_overlaps(node, plan, e);
}

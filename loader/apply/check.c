// SPDX-License-Identifier: GPL-2.0-only
/* Overlaps between pools and draining blocks, before anything is changed. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/base/memory.h"
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
	r->list = xgrow(r->list, r->count, sizeof(*r->list));
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

int apply_check(struct context *node, struct apply *plan, struct error *e)
{
	struct changed_nodes changed;
	struct remote remote = {};
	struct state s;
	int err = state_read(node, STATE_POOLS | STATE_BLOCKS, &s, e);

	if (err)
		return err;
	changed_nodes_read(plan, &changed);
	err = check_pools(&s, plan, e);
	if (!err)
		err = remote_read(node, &remote, e);
	if (!err)
		err = apply_check_nodes(node, &s, &changed, &remote, plan, e);
	if (!err)
		err = apply_check_overlaps(node, &changed, &remote, plan, e);
	remote_free(&remote);
	free(changed.names);
	state_free(&s);
	return err;
}

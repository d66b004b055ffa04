// SPDX-License-Identifier: GPL-2.0-only
/* A plan and the other nodes: what of them is read, whose blocks overlap, what changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/apply/check.h"
#include "loader/base/memory.h"
#include "loader/ipam/state.h"

/* With more objects of a part of the store in the input than this, the part is read at once. */
#define FEW_OBJECTS 64

bool apply_is_fresh(const struct apply_object *o)
{
	return o->result == APPLY_CREATED || o->result == APPLY_CONFIGURED;
}

bool apply_is_change(const struct apply_object *o)
{
	return o->kind && (apply_is_fresh(o) || o->result == APPLY_DELETED);
}

/* Reads an object that is not of the parts that are read already. */
static void read_one(struct context *node, unsigned int parts, enum object_kind kind, const char *name,
		     struct stored **list, size_t *count)
{
	if (store_part(kind) & parts)
		return;
	for (size_t i = 0; i < *count; i++)
		if ((*list)[i].kind == kind && !strcmp((*list)[i].name, name))
			return;
	*list = xrealloc(*list, (*count + 1) * sizeof(**list));
	*count += store_read(&node->pins, kind, name, &(*list)[*count]);
}

static unsigned int parts_to_read(const struct apply *plan, unsigned int flags)
{
	unsigned int parts = STORE_SETTINGS;
	size_t nodes = 0, metadata = 0, services = 0;

	for (size_t i = 0; i < plan->count; i++) {
		nodes += store_part(plan->objects[i].kind) == STORE_NODES;
		metadata += store_part(plan->objects[i].kind) == STORE_METADATA;
		services += store_part(plan->objects[i].kind) == STORE_SERVICES;
	}
	if (flags & APPLY_PRUNE)
		return STORE_ALL;
	if (flags & APPLY_ALL_NODES || nodes > FEW_OBJECTS)
		parts |= STORE_NODES;
	if (services > FEW_OBJECTS)
		parts |= STORE_SERVICES;
	return metadata > FEW_OBJECTS ? parts | STORE_METADATA : parts;
}

int apply_read_stored(struct context *node, const struct apply *plan, const struct apply_delete *remove,
		      unsigned int flags, struct stored **list, size_t *count, struct error *e)
{
	unsigned int parts = parts_to_read(plan, flags);
	int err = store_list_parts(&node->pins, parts, list, count, e);

	if (err)
		return err;
	for (size_t i = 0; i < plan->count; i++)
		read_one(node, parts, plan->objects[i].kind, plan->objects[i].name, list, count);
	if (remove)
		read_one(node, parts, remove->kind, remove->name, list, count);
	read_one(node, parts, OBJECT_CILIUMNODE, node->config.node, list, count);
	read_one(node, parts, OBJECT_NODE, node->config.node, list, count);
	return 0;
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
static int check_own_block(struct context *node, struct apply *plan, const struct claim *claim,
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

static int check_own(struct context *node, const struct state *s, struct apply *plan,
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
static void claim_held(struct context *node, const struct state *s, struct claim **claims, size_t *count)
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

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void changed_nodes_read(const struct apply *plan, struct changed_nodes *c)
{
	*c = (struct changed_nodes){ .names = xcalloc(plan->count, sizeof(*c->names)) };
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (o->kind != OBJECT_CILIUMNODE || !apply_is_change(o))
			continue;
		c->names[c->count++] = o->name;
		c->any_new |= o->result != APPLY_DELETED;
	}
	if (c->count)
		qsort(c->names, c->count, sizeof(*c->names), by_name);
}

bool changed_nodes_have(const struct changed_nodes *c, const char *name)
{
	return c->count && bsearch(&name, c->names, c->count, sizeof(*c->names), by_name);
}

/* Those of the nodes that stay as they are. */
static int check_kept(const struct remote *r, const struct changed_nodes *changed,
		      const struct apply *plan, const struct claim *claim, struct error *e)
{
	size_t from, to;

	remote_find_blocks(r, &claim->prefix, &from, &to);
	for (; from < to; from++) {
		struct claim kept = remote_claim(r, &r->blocks[from], plan->options.default_pool);

		if (changed_nodes_have(changed, kept.node))
			continue;
		return prefix_compare(&kept.prefix, &claim->prefix) < 0 ?
			       claims_overlap(&kept, claim, e) : claims_overlap(claim, &kept, e);
	}
	return 0;
}

/* The blocks of the nodes that change and of this one. */
static int read_claims(struct context *node, const struct state *s, struct apply *plan, struct claim **claims,
		       size_t *count, struct error *e)
{
	bool fixed = plan->options.allocator == ALLOCATOR_STATIC;
	int err = 0;

	for (size_t i = 0; !err && i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];
		bool own = !strcmp(o->name, node->config.node);
		bool fresh = apply_is_fresh(o);

		/* else demand has moved on since this node was given its list */
		if (o->kind != OBJECT_CILIUMNODE || !(fresh || (own && fixed && o->result != APPLY_DELETED)))
			continue;
		claims_of(o->json, plan->options.default_pool, claims, count);
		if (fresh && own)
			err = check_own(node, s, plan, o, e);
	}
	claim_held(node, s, claims, count);
	return err;
}

int apply_check_nodes(struct context *node, const struct state *s, const struct changed_nodes *changed,
		      const struct remote *r, struct apply *plan, struct error *e)
{
	struct claim *claims = NULL;
	size_t count = 0;
	int err = changed->any_new ? read_claims(node, s, plan, &claims, &count, e) : 0;

	claims_sort(claims, count);
	for (size_t i = 0; !err && i < count; i++) {
		if (i && prefix_overlaps(&claims[i - 1].prefix, &claims[i].prefix) &&
		    (strcmp(claims[i - 1].node, claims[i].node) ||
		     !prefix_equal(&claims[i - 1].prefix, &claims[i].prefix)))
			err = claims_overlap(&claims[i - 1], &claims[i], e);
		else
			err = check_kept(r, changed, plan, &claims[i], e);
	}
	free(claims);
	return err;
}

void apply_list_changes(const struct context *node, struct apply *plan)
{
	struct node_changes *c = &plan->changes;
	bool any = false, others = false;

	c->complete = true;
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (!apply_is_change(o))
			continue;
		any = true;
		others |= o->kind != OBJECT_POOL && o->kind != OBJECT_CILIUMNODE && o->kind != OBJECT_NAMESPACE;
		if (o->kind != OBJECT_CILIUMNODE || !strcmp(o->name, node->config.node))
			c->complete = false;
		if (o->kind == OBJECT_CILIUMNODE)
			c->count++;
	}
	c->same_services = any && !others;
	c->complete &= c->count > 0;
	c->list = xcalloc(c->count, sizeof(*c->list));
	c->count = 0;
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (apply_is_change(o) && o->kind == OBJECT_CILIUMNODE)
			c->list[c->count++] = (struct remote_change){
				o->name, o->result == APPLY_DELETED ? NULL : o->json };
	}
}

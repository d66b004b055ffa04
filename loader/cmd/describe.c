// SPDX-License-Identifier: GPL-2.0-only
/* pinpool describe: a node or a pool for people, and the errors that stand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/ciliumnode.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/layout.h"
#include "loader/ipam/inventory.h"

struct view {
	struct node *node;
	struct facts facts;
	struct options options;
	struct inventory inv;
	struct lease_entry *leases;
	size_t lease_count;
};

static void view_free(struct view *v)
{
	facts_free(&v->facts);
	options_free(&v->options);
	inventory_free(&v->inv);
	free(v->leases);
}

static int view_read(struct view *v, struct error *e)
{
	int err = ipam_leases(&v->node->pins, &v->leases, &v->lease_count, e);

	if (!err)
		err = facts_read(v->node, &v->facts, e);
	if (!err)
		err = node_options(v->node, &v->options, e);
	return err ? err : inventory_read(&v->node->pins, &v->inv, e);
}

static void describe_head(struct description *d, const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata"), *value;
	static const char *const maps[] = { "labels", "annotations" };
	static const char *const labels[] = { "Labels", "Annotations" };
	const char *key;

	describe_add(d, 0, "Name", "%s", json_string_value(json_object_get(metadata, "name")));
	for (int i = 0; i < 2; i++) {
		const char *label = labels[i];
		json_t *map = json_object_get(metadata, maps[i]);

		if (!json_object_size(map))
			describe_add(d, 0, label, "<none>");
		json_object_foreach(map, key, value)
		{
			describe_add(d, 0, label, "%s=%s", key, json_string_value(value));
			label = "";
		}
	}
	describe_add(d, 0, "API Version", "%s",
		     json_string_value(json_object_get(object, "apiVersion")));
	describe_add(d, 0, "Kind", "%s", json_string_value(json_object_get(object, "kind")));
}

static void describe_usage(struct description *d, const struct pool *p, const char *name)
{
	char label[PP_NAME + 16];

	for (int f = 0; f < FAMILIES; f++) {
		const struct pool_family *pf = &p->family[f];

		if (!pf->mask_length && !pf->blocks)
			continue;
		snprintf(label, sizeof(label), "%s%s%s", name, *name ? " " : "", family_name(f));
		describe_add(d, 2, label, "blocks %u, usable %u, used %u, free %u, draining %u",
			     pf->blocks, pf->capacity, pf->in_use, pool_free(pf),
			     pf->draining);
	}
}

/* The pods that a draining block waits for. */
static void describe_holders(struct description *d, const struct view *v, uint32_t block)
{
	char ip[ADDR_TEXT], age[16];

	for (size_t i = 0; i < v->lease_count; i++) {
		const struct lease_entry *l = &v->leases[i];
		const char *pod = l->lease.pod[0] ? l->lease.pod : l->owner.id;

		for (int f = 0; f < FAMILIES; f++)
			if (l->lease.ip[f].block == block)
				describe_text(d, 3, "%s%s%s  %s  %s  %s", l->lease.namespace,
					      l->lease.namespace[0] ? "/" : "", pod,
					      addr_format(&l->lease.ip[f].address, ip),
					      lease_state_name(l->lease.state),
					      age_text(l->lease.created, age));
	}
}

/* @pool 0: of all pools. */
static void describe_draining(struct description *d, const struct view *v, uint32_t pool)
{
	char cidr[PREFIX_TEXT], label[PREFIX_TEXT + PP_NAME + 16];
	bool any = false;

	for (size_t i = 0; i < v->inv.block_count; i++) {
		const struct block *b = &v->inv.blocks[i].block;

		if (b->state != BLOCK_DRAINING || (pool && b->pool != pool))
			continue;
		if (!any)
			describe_add(d, 1, "Draining", NULL);
		any = true;
		snprintf(label, sizeof(label), "%s of %s", prefix_format(&b->prefix, cidr),
			 inventory_pool_name(&v->inv, b->pool));
		describe_add(d, 2, label, "used %u", b->used);
		describe_holders(d, v, v->inv.blocks[i].id);
	}
	if (!any)
		describe_add(d, 1, "Draining", "<none>");
}

static void describe_error(struct description *d, const struct view *v, const struct request *r,
			   enum family f)
{
	const char *node = v->node->config.node;

	if (!r->exists)
		describe_text(
			d, 2,
			"failed to allocate %s address for node \"%s\" from pool \"%s\": cannot allocate from non-existing pool: %s",
			family_name(f), node, r->pool, r->pool);
	else if (v->options.allocator == ALLOCATOR_STATIC)
		describe_text(
			d, 2,
			"failed to allocate %s address for node \"%s\" from pool \"%s\": CiliumNode \"%s\" lists blocks of %u addresses and %u are needed",
			family_name(f), node, r->pool, node, r->capacity[f], r->needed[f]);
	else
		describe_text(
			d, 2,
			"failed to allocate %s address for node \"%s\" from pool \"%s\": pool empty",
			family_name(f), node, r->pool);
}

/* Demand that the node's blocks do not meet; @pool NULL: of all pools. */
static void describe_errors(struct description *d, const struct view *v, const char *pool)
{
	struct request *list;
	bool any = false;
	size_t count;

	ciliumnode_requested(v->node, &v->facts, &v->options, &list, &count);
	for (size_t i = 0; i < count; i++) {
		for (int f = 0; f < FAMILIES; f++) {
			if (list[i].needed[f] <= list[i].capacity[f] ||
			    (pool && strcmp(pool, list[i].pool)))
				continue;
			if (!any)
				describe_add(d, 1, "Errors", NULL);
			any = true;
			describe_error(d, v, &list[i], f);
		}
	}
	if (!any)
		describe_add(d, 1, "Errors", "<none>");
	free(list);
}

static void describe_own_node(struct description *d, const struct view *v)
{
	json_t *object = ciliumnode_own(v->node, &v->facts, &v->options);

	describe_head(d, object);
	describe_add(d, 0, "Allocator", "%s",
		     v->options.allocator == ALLOCATOR_STATIC ? "static" : "local");
	describe_add(d, 0, "Default Pool", "%s", v->options.default_pool);
	describe_add(d, 0, "Spec", NULL);
	describe_json(d, 1, json_object_get(object, "spec"));
	describe_add(d, 0, "Status", NULL);
	describe_add(d, 1, "Pools", NULL);
	for (size_t i = 0; i < v->facts.pool_count; i++)
		describe_usage(d, &v->facts.pools[i].pool, v->facts.pools[i].pool.name);
	describe_draining(d, v, 0);
	describe_errors(d, v, NULL);
	json_decref(object);
}

static int describe_node(struct description *d, struct view *v, const char *name, struct error *e)
{
	if (!name || !strcmp(name, v->node->config.node)) {
		describe_own_node(d, v);
		return 0;
	}
	for (size_t i = 0; i < v->facts.node_count; i++) {
		if (strcmp(v->facts.nodes[i].name, name))
			continue;
		describe_head(d, v->facts.nodes[i].json);
		describe_add(d, 0, "Spec", NULL);
		describe_json(d, 1, json_object_get(v->facts.nodes[i].json, "spec"));
		return 0;
	}
	return error_set(e, -ENOENT, "node \"%s\": not found; see 'pinpool get nodes'", name);
}

static int describe_pool(struct description *d, struct view *v, const char *name, struct error *e)
{
	char age[16];
	json_t *object;
	struct pool p;
	uint32_t id;

	if (ipam_pool_find(&v->node->pins, name, &id, &p))
		return error_set(e, -ENOENT, "pool \"%s\": not found; see 'pinpool get pools'",
				 name);
	object = store_get(&v->node->pins, OBJECT_POOL, name);
	if (object)
		describe_head(d, object);
	describe_add(d, 0, "State", "%s", pool_state_name(p.state));
	describe_add(d, 0, "Age", "%s", age_text(p.created, age));
	describe_add(d, 0, "Auto Created", "%s", p.flags & POOL_AUTO_CREATED ? "yes" : "no");
	describe_add(d, 0, "Spec", NULL);
	describe_json(d, 1, json_object_get(object, "spec"));
	describe_add(d, 0, "Status", NULL);
	describe_add(d, 1, "Usage", NULL);
	describe_usage(d, &p, "");
	describe_draining(d, v, id);
	describe_errors(d, v, name);
	json_decref(object);
	return 0;
}

int cmd_describe(const struct globals *g, int argc, char **argv)
{
	enum object_kind kind = argc > 1 ? kind_by_name(argv[1]) : OBJECT_NONE;
	struct description d = {};
	struct view v = {};
	struct node node;
	struct error e;
	int err;

	if (argc < 2)
		return usage_error("describe", "what is missing: node, or pool NAME");
	if (kind != OBJECT_NODE && kind != OBJECT_POOL)
		return usage_error("describe", "unknown kind \"%s\": node or pool", argv[1]);
	if (argc > 3)
		return usage_error("describe", "unexpected argument \"%s\"", argv[3]);
	if (kind == OBJECT_POOL && argc < 3)
		return usage_error("describe", "the pool's name is missing");
	if (!open_node(&node, g, ROOT_UNLOCKED, false))
		return EXIT_FAILED;
	v.node = &node;
	err = view_read(&v, &e);
	if (!err)
		err = kind == OBJECT_NODE ? describe_node(&d, &v, argv[2], &e)
					  : describe_pool(&d, &v, argv[2], &e);
	describe_write(&d, stdout);
	view_free(&v);
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

// SPDX-License-Identifier: GPL-2.0-only
/* pinpool describe: a node, a pool or a service for people, and the errors that stand. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/ciliumnode.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/describe.h"
#include "loader/cmd/layout.h"
#include "loader/ipam/state.h"
#include "loader/text/text.h"

struct view {
	struct context *node;
	struct state state;
	struct options options;
};

static void view_free(struct view *v)
{
	state_free(&v->state);
	options_free(&v->options);
}

static int view_read(struct view *v, struct error *e)
{
	int err = state_read(v->node, STATE_POOLS | STATE_BLOCKS | STATE_LEASES | STATE_NODES, &v->state, e);

	return err ? err : context_options(v->node, &v->options, e);
}

json_t *describe_line(const char *fmt, ...)
{
	json_t *json;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	json = text_json(text, strlen(text));
	free(text);
	return json;
}

/* "key=value" in lines */
static json_t *describe_map(const json_t *map)
{
	json_t *text = NULL, *value;
	const char *key;

	json_object_foreach((json_t *)map, key, value) {
		json_t *more = json_sprintf("%s%s%s=%s", text ? json_string_value(text) : "", text ? "\n" : "",
					    key, json_string_value(value));

		json_decref(text);
		text = more;
	}
	return text ? text : json_string("<none>");
}

void describe_head(json_t *d, const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");

	json_object_set(d, "Name", json_object_get(metadata, "name"));
	json_object_set_new(d, "Labels", describe_map(json_object_get(metadata, "labels")));
	json_object_set_new(d, "Annotations", describe_map(json_object_get(metadata, "annotations")));
	json_object_set(d, "API Version", json_object_get(object, "apiVersion"));
	json_object_set(d, "Kind", json_object_get(object, "kind"));
}

void describe_spec(json_t *d, const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec");

	json_object_set_new(d, "Spec", spec ? json_sorted(spec) : json_object());
}

/* @name: of the pool, where there are several */
static void describe_usage(json_t *d, const struct pool *p, const char *name)
{
	char label[PP_NAME + 16];

	for (int f = 0; f < FAMILIES; f++) {
		const struct pool_family *pf = &p->family[f];

		if (!pf->mask_length && !pf->blocks)
			continue;
		snprintf(label, sizeof(label), "%s%s%s", name, *name ? " " : "", family_name(f));
		json_object_set_new(d, label,
				    describe_line("blocks %u, usable %u, used %u, free %u, draining %u", pf->blocks,
					 pf->capacity, pf->in_use, pool_free(pf), pf->draining));
	}
}

/* The pods that a draining block waits for. */
static json_t *describe_holders(const struct view *v, uint32_t block)
{
	json_t *list = json_array();
	char ip[ADDR_TEXT], age[16];

	for (size_t i = 0; i < v->state.lease_count; i++) {
		const struct lease_entry *l = &v->state.leases[i];
		const char *pod = l->lease.pod[0] ? l->lease.pod : l->owner.id;

		for (int f = 0; f < FAMILIES; f++)
			if (l->lease.ip[f].block == block)
				json_array_append_new(
					list, describe_line("%s%s%s  %s  %s  %s", l->lease.namespace,
						   l->lease.namespace[0] ? "/" : "", pod,
						   addr_format(&l->lease.ip[f].address, ip),
						   lease_state_name(l->lease.state),
						   age_text(l->lease.created, age)));
	}
	return list;
}

void describe_list(json_t *d, const char *label, json_t *list)
{
	if (json_array_size(list))
		json_object_set(d, label, list);
	else
		json_object_set_new(d, label, json_string("<none>"));
	json_decref(list);
}

/* @pool 0: of all pools. */
static void describe_draining(json_t *d, const struct view *v, uint32_t pool)
{
	char cidr[PREFIX_TEXT], label[PREFIX_TEXT + PP_NAME + 16];
	json_t *list = json_array();

	for (size_t i = 0; i < v->state.block_count; i++) {
		const struct block *b = &v->state.blocks[i].block;

		if (b->state != BLOCK_DRAINING || (pool && b->pool != pool))
			continue;
		snprintf(label, sizeof(label), "%s of %s", prefix_format(&b->prefix, cidr),
			 state_pool_name(&v->state, b->pool));
		json_array_append_new(list, json_pack("{s:o}", label, describe_line("used %u", b->used)));
		json_array_append_new(list, describe_holders(v, v->state.blocks[i].id));
	}
	describe_list(d, "Draining", list);
}

static json_t *describe_error(const struct view *v, const struct request *r, enum family f)
{
	const char *node = v->node->config.node;
	char reason[2 * PP_NAME + 128] = "pool empty";

	if (!r->exists)
		snprintf(reason, sizeof(reason), "cannot allocate from non-existing pool: %s", r->pool);
	else if (v->options.allocator == ALLOCATOR_STATIC)
		snprintf(reason, sizeof(reason),
			 "CiliumNode \"%s\" lists blocks of %u addresses and %u are needed", node,
			 r->capacity[f], r->needed[f]);
	return describe_line("failed to allocate %s address for node \"%s\" from pool \"%s\": %s", family_name(f), node,
		    r->pool, reason);
}

/* Demand that the node's blocks do not meet; @pool NULL: of all pools. */
static void describe_errors(json_t *d, const struct view *v, const char *pool)
{
	json_t *errors = json_array();
	struct request *list;
	size_t count;

	ciliumnode_requested(v->node, &v->state, &v->options, &list, &count);
	for (size_t i = 0; i < count; i++)
		for (int f = 0; f < FAMILIES; f++)
			if (list[i].needed[f] > list[i].capacity[f] && (!pool || !strcmp(pool, list[i].pool)))
				json_array_append_new(errors, describe_error(v, &list[i], f));
	describe_list(d, "Errors", errors);
	free(list);
}

static void describe_own_node(json_t *d, const struct view *v)
{
	json_t *object = ciliumnode_own(v->node, &v->state, &v->options);
	json_t *status = json_object(), *pools = json_object();

	describe_head(d, object);
	json_object_set_new(d, "Allocator",
			    json_string(v->options.allocator == ALLOCATOR_STATIC ? "static" : "local"));
	json_object_set_new(d, "Default Pool", json_string(v->options.default_pool));
	describe_spec(d, object);
	json_object_set_new(d, "Status", status);
	json_object_set_new(status, "Pools", pools);
	for (size_t i = 0; i < v->state.pool_count; i++)
		describe_usage(pools, &v->state.pools[i].pool, v->state.pools[i].pool.name);
	describe_draining(status, v, 0);
	describe_errors(status, v, NULL);
	json_decref(object);
}

static int describe_node(json_t *d, struct view *v, const char *name, struct error *e)
{
	if (!name || !strcmp(name, v->node->config.node)) {
		describe_own_node(d, v);
		return 0;
	}
	for (size_t i = 0; i < v->state.node_count; i++) {
		if (strcmp(v->state.nodes[i].name, name) || !stored_parse(&v->state.nodes[i]))
			continue;
		describe_head(d, v->state.nodes[i].json);
		describe_spec(d, v->state.nodes[i].json);
		return 0;
	}
	return error_set(e, -ENOENT, "node \"%s\": not found; see 'pinpool get nodes'", name);
}

static int describe_pool(json_t *d, struct view *v, const char *name, struct error *e)
{
	json_t *object, *status, *usage;
	char age[16];
	struct pool p;
	uint32_t id;

	if (ipam_pool_find(&v->node->pins, name, &id, &p))
		return error_set(e, -ENOENT, "pool \"%s\": not found; see 'pinpool get pools'", name);
	object = store_get(&v->node->pins, OBJECT_POOL, name);
	if (object)
		describe_head(d, object);
	json_object_set_new(d, "State", json_string(pool_state_name(p.state)));
	json_object_set_new(d, "Age", json_string(age_text(p.created, age)));
	json_object_set_new(d, "Auto Created", json_string(p.flags & POOL_AUTO_CREATED ? "yes" : "no"));
	describe_spec(d, object);
	json_object_set_new(d, "Status", status = json_object());
	json_object_set_new(status, "Usage", usage = json_object());
	describe_usage(usage, &p, "");
	describe_draining(status, v, id);
	describe_errors(status, v, name);
	json_decref(object);
	return 0;
}

/* The data of the command: an object's kind. */
static int prepare(struct call *c, struct error *e)
{
	const struct texts *words = &c->args.words;
	enum object_kind *kind = c->data;

	(void)e;
	if (!words->count)
		return usage_error(c, "what is missing: node, pool NAME or service NAME");
	*kind = kind_by_name(words->list[0]);
	if (*kind != OBJECT_CILIUMNODE && *kind != OBJECT_POOL && *kind != OBJECT_SERVICE)
		return usage_error(c, "unknown kind \"%s\": node, pool or service", words->list[0]);
	if (*kind != OBJECT_CILIUMNODE && words->count < 2)
		return usage_error(c, "the %s's name is missing", *kind == OBJECT_POOL ? "pool" : "service");
	return 0;
}

static int describe(json_t *d, struct context *node, enum object_kind kind, const char *name, struct error *e)
{
	struct view v = { .node = node };
	int err;

	if (kind == OBJECT_SERVICE)
		return describe_service(d, node, name, e);
	err = view_read(&v, e);
	if (!err)
		err = kind == OBJECT_CILIUMNODE ? describe_node(d, &v, name, e) : describe_pool(d, &v, name, e);
	view_free(&v);
	return err;
}

static int run(struct call *c, struct error *e)
{
	const enum object_kind *kind = c->data;
	const char *name = c->args.words.count > 1 ? c->args.words.list[1] : NULL;
	json_t *d = json_object();
	int err = describe(d, &c->node, *kind, name, e);

	describe_print(d);
	json_decref(d);
	return err;
}

const struct command command_describe = {
	.name = "describe", .help = "the node's, a pool's or a service's state, for people",
	.words = "node | pool NAME | service NAME", .words_max = 2, .needs = NEEDS_NODE,
	.data_size = sizeof(enum object_kind), .prepare = prepare, .run = run,
};

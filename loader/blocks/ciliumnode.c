// SPDX-License-Identifier: GPL-2.0-only
/* This node as a CiliumNode: its demand and its blocks. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/blocks/ciliumnode.h"
#include "loader/kernel/map.h"
#include "loader/ipam/rules.h"

static struct request *add_request(struct request **list, size_t *count, const char *pool)
{
	struct request *r;

	*list = xgrow(*list, *count, sizeof(**list));
	r = &(*list)[(*count)++];
	*r = (struct request){};
	snprintf(r->pool, sizeof(r->pool), "%s", pool);
	return r;
}

static struct request *request_of(struct request **list, size_t *count, const char *pool)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*list)[i].pool, pool))
			return &(*list)[i];
	return add_request(list, count, pool);
}

static int by_pool(const void *a, const void *b)
{
	return strcmp(((const struct request *)a)->pool, ((const struct request *)b)->pool);
}

/* Pools that only the pre-allocation map or pending demand name: nothing is in use of them. */
static void request_unknown(struct context *node, const struct options *options, struct request **list,
			    size_t *count)
{
	struct pending_entry *pendings;
	size_t pending_count;

	for (size_t i = 0; i < options->pre_allocation_count; i++)
		request_of(list, count, options->pre_allocations[i].pool);
	if (ipam_pendings(&node->pins, &pendings, &pending_count, NULL))
		return;
	for (size_t i = 0; i < pending_count; i++)
		request_of(list, count, pendings[i].pending.pool);
	free(pendings);
}

static void count_excluded(const struct state *state, struct request *list, size_t count)
{
	for (size_t i = 0; i < state->block_count; i++) {
		const struct block *b = &state->blocks[i].block;

		for (size_t p = 0; p < state->pool_count && p < count && b->excluded; p++) {
			if (state->pools[p].id != b->pool || b->state != BLOCK_ACTIVE)
				continue;
			list[p].excluded[b->family] += b->excluded;
		}
	}
}

/* Who gives the blocks does not know of the exclusions: where there is demand, they are in use. */
static void set_needed(struct context *node, struct request *r, enum family f, uint32_t pre_allocation)
{
	uint32_t pending = ipam_pending_count(&node->pins, r->pool, f);
	bool any = r->in_use[f] || pending || pre_allocation;

	r->in_use[f] += r->excluded[f];
	r->capacity[f] += r->excluded[f];
	r->needed[f] = any ? demand_needed(r->in_use[f], pending, pre_allocation) : 0;
}

void ciliumnode_requested(struct context *node, const struct state *state,
			  const struct options *options, struct request **list, size_t *count)
{
	const bool enabled[FAMILIES] = { options->enable_ipv4, options->enable_ipv6 };
	size_t kept = 0;

	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < state->pool_count; i++) {
		const struct pool *p = &state->pools[i].pool;
		struct request *r = add_request(list, count, p->name);

		r->exists = p->state == POOL_ACTIVE;
		for (int f = 0; f < FAMILIES; f++) {
			r->capacity[f] = p->family[f].capacity;
			r->has_family[f] = p->family[f].mask_length;
			r->in_use[f] = p->family[f].in_use;
		}
	}
	count_excluded(state, *list, *count);
	request_unknown(node, options, list, count);
	for (size_t i = 0; i < *count; i++) {
		struct request *r = &(*list)[i];
		uint32_t p = options_pre_allocation(options, r->pool);

		for (int f = 0; f < FAMILIES; f++)
			if (enabled[f] && (r->has_family[f] || !r->exists))
				set_needed(node, r, f, p);
		if (r->needed[FAMILY_IPV4] || r->needed[FAMILY_IPV6])
			(*list)[kept++] = *r;
	}
	*count = kept;
	if (kept)
		qsort(*list, kept, sizeof(**list), by_pool);
}

static json_t *requested_json(struct context *node, const struct state *state,
			      const struct options *options)
{
	static const char *const names[FAMILIES] = { "ipv4-addrs", "ipv6-addrs" };
	json_t *array = json_array();
	struct request *list;
	size_t count;

	ciliumnode_requested(node, state, options, &list, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *needed = json_object();

		for (int f = 0; f < FAMILIES; f++)
			if (list[i].needed[f])
				json_object_set_new(needed, names[f], json_integer(list[i].needed[f]));
		json_array_append_new(array, json_pack("{s:s, s:o}", "pool", list[i].pool, "needed", needed));
	}
	free(list);
	return array;
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static json_t *allocated_json(const struct state *state)
{
	struct prefix *prefixes = xcalloc(state->block_count, sizeof(*prefixes));
	json_t *array = json_array();
	char text[PREFIX_TEXT];

	for (size_t p = 0; p < state->pool_count; p++) {
		json_t *cidrs = json_array();
		size_t n = 0;

		for (size_t i = 0; i < state->block_count; i++)
			if (state->blocks[i].block.pool == state->pools[p].id)
				prefixes[n++] = state->blocks[i].block.prefix;
		if (n)
			qsort(prefixes, n, sizeof(*prefixes), by_prefix);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(cidrs, json_string(prefix_format(&prefixes[i], text)));
		if (n)
			json_array_append_new(array, json_pack("{s:s, s:O}", "pool",
							       state->pools[p].pool.name, "cidrs", cidrs));
		json_decref(cidrs);
	}
	free(prefixes);
	return array;
}

static json_t *addresses_json(struct context *node, const json_t *applied)
{
	json_t *list = json_object_get(json_object_get(applied, "spec"), "addresses");
	char text[ADDR_TEXT];

	if (json_array_size(list))
		return json_incref(list);
	list = json_array();
	for (int f = 0; f < FAMILIES; f++) {
		static const struct addr none;

		if (memcmp(&node->config.address[f], &none, sizeof(none)))
			json_array_append_new(list, json_pack("{s:s, s:s}", "type", "InternalIP", "ip",
							      addr_format(&node->config.address[f], text)));
	}
	return list;
}

static json_t *build(struct context *node, const struct state *state, json_t *requested)
{
	json_t *applied = store_get(&node->pins, OBJECT_CILIUMNODE, node->config.node);
	json_t *labels = json_object_get(json_object_get(applied, "metadata"), "labels");
	json_t *metadata = json_pack("{s:s}", "name", node->config.node), *pools = json_object(), *out;

	if (labels)
		json_object_set(metadata, "labels", labels);
	if (requested)
		json_object_set_new(pools, "requested", requested);
	json_object_set_new(pools, "allocated", allocated_json(state));
	out = json_pack("{s:s, s:s, s:o, s:{s:o, s:{s:o}}}", "apiVersion", "cilium.io/v2", "kind",
			"CiliumNode", "metadata", metadata, "spec", "addresses",
			addresses_json(node, applied), "ipam", "pools", pools);
	json_decref(applied);
	return out;
}

json_t *ciliumnode_own(struct context *node, const struct state *state, const struct options *options)
{
	return build(node, state, requested_json(node, state, options));
}

json_t *ciliumnode_blocks(struct context *node, const struct state *state)
{
	return build(node, state, NULL);
}

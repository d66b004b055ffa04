// SPDX-License-Identifier: GPL-2.0-only
/* The next block of a pool: what is taken, reserved or excluded, and next-fit beside it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/blocks/choose.h"
#include "loader/kernel/map.h"
#include "loader/manifest/pool_spec.h"
#include "loader/ipam/rules.h"

void choice_free(struct choice *v)
{
	free(v->blocks);
	free(v->claims);
	free(v->taken);
	excluded_free(&v->exclusions);
	stored_free(v->nodes, v->node_count);
	memset(v, 0, sizeof(*v));
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void choice_take(struct choice *v)
{
	size_t n = v->block_count + v->claim_count, kept = 0;

	v->taken = xcalloc(n, sizeof(*v->taken));
	for (size_t i = 0; i < v->block_count; i++)
		v->taken[i] = v->blocks[i].block.prefix;
	for (size_t i = 0; i < v->claim_count; i++)
		v->taken[v->block_count + i] = v->claims[i].prefix;
	qsort(v->taken, n, sizeof(*v->taken), by_prefix);
	for (size_t i = 0; i < n; i++)
		if (!kept || !prefix_covers(&v->taken[kept - 1], &v->taken[i]))
			v->taken[kept++] = v->taken[i];
	v->taken_count = kept;
}

static int choice_exclusions(struct choice *v, struct error *e)
{
	struct netlink *nl = NULL;
	int err = netlink_open(&nl, -1, e);

	if (!err)
		err = excluded_by_routes(nl, &v->exclusions, e);
	netlink_close(nl);
	return err;
}

int choice_read(struct node *node, struct choice *v, struct error *e)
{
	struct ipam ipam;
	int err;

	memset(v, 0, sizeof(*v));
	err = choice_exclusions(v, e);
	if (!err)
		err = ipam_read(&node->pins, &ipam, e);
	if (!err)
		err = ipam_blocks(&node->pins, &v->blocks, &v->block_count, e);
	if (!err)
		err = store_list(&node->pins, OBJECT_NODE, &v->nodes, &v->node_count, e);
	if (err) {
		choice_free(v);
		return err;
	}
	v->generation = ipam.generation;
	for (size_t i = 0; i < v->node_count; i++) {
		excluded_by_node(v->nodes[i].json, &v->exclusions);
		if (strcmp(v->nodes[i].name, node->config.node))
			claims_of(v->nodes[i].json, node->config.default_pool_name, &v->claims,
				  &v->claim_count);
	}
	choice_take(v);
	return 0;
}

static int reserved_ranges(struct node *node, const char *pool, json_t **json,
			   struct pool_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	*json = store_get(&node->pins, OBJECT_POOL, pool);
	return *json ? pool_spec_from_json(*json, spec, NULL) : 0;
}

/* What a block should not overlap is as if it were reserved; single addresses only if @all. */
static void reserve_exclusions(const struct choice *v, const struct pool_cidr *cidrs, uint32_t count,
			       bool all, struct pool_family_spec *f)
{
	for (size_t i = 0; i < v->exclusions.count; i++) {
		const struct prefix *prefix = &v->exclusions.list[i].prefix;
		uint32_t c = 0;

		while (c < count && c < POOL_FAMILY_CIDRS && !prefix_overlaps(&cidrs[c].cidr, prefix))
			c++;
		if (c == count || c == POOL_FAMILY_CIDRS || (!all && prefix->length == 128))
			continue;
		f->reserved = xrealloc(f->reserved, (f->reserved_count + 1) * sizeof(*f->reserved));
		f->reserved[f->reserved_count++] =
			(struct address_range){ prefix->addr, addr_last(prefix) };
	}
}

static bool carve_any(const struct choice *v, const struct pool_cidr *cidrs,
		      const struct pool_family *pf, const struct pool_family_spec *f,
		      struct block_request *request, struct prefix *prefix)
{
	uint64_t index;

	for (uint32_t i = 0; i < pf->cidrs && i < POOL_FAMILY_CIDRS; i++) {
		if (carve_next(&cidrs[i].cidr, pf->mask_length, cidrs[i].cursor, v->taken,
			       v->taken_count, f->reserved, f->reserved_count, prefix, &index))
			continue;
		request->cidr = i;
		request->cursor = index + 1;
		return true;
	}
	return false;
}

int choose_block(struct node *node, const struct choice *v, uint32_t id, const struct pool *pool,
		 enum family family, struct block_request *request)
{
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	const struct pool_family *pf = &pool->family[family];
	struct pool_spec spec;
	struct prefix prefix;
	bool found = false;
	json_t *json;
	int err = ipam_pool_cidrs(&node->pins, id, family, cidrs, pf->cidrs);

	if (err)
		return -EAGAIN; /* the pool is changing under us */
	/* first one that is wholly free, then one that has an address or two that no pod may get */
	for (int all = 1; !err && !found && all >= (pf->mask_length == 128); all--) {
		err = reserved_ranges(node, pool->name, &json, &spec);
		reserve_exclusions(v, cidrs, pf->cidrs, all, &spec.family[family]);
		found = !err && carve_any(v, cidrs, pf, &spec.family[family], request, &prefix);
		pool_spec_free(&spec);
		json_decref(json);
	}
	if (!err && found) {
		request->expected = v->generation;
		block_fill(&request->block, id, pool, &prefix);
	}
	return err ? err : found ? 0 : -ENOSPC;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The next block of a pool: what is taken, reserved or excluded, and next-fit beside it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/blocks/choose.h"
#include "loader/kernel/map.h"
#include "loader/kernel/store.h"
#include "loader/manifest/pool_spec.h"
#include "loader/ipam/rules.h"

void choice_free(struct choice *v)
{
	free(v->own);
	remote_free(&v->remote);
	memset(v, 0, sizeof(*v));
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static int choice_own(struct context *node, struct choice *v, struct error *e)
{
	struct block_entry *blocks;
	int err = ipam_blocks(&node->pins, &blocks, &v->own_count, e);

	if (err)
		return err;
	v->own = xcalloc(v->own_count, sizeof(*v->own));
	for (size_t i = 0; i < v->own_count; i++)
		v->own[i] = blocks[i].block.prefix;
	if (v->own_count)
		qsort(v->own, v->own_count, sizeof(*v->own), by_prefix);
	free(blocks);
	return 0;
}

int choice_read(struct context *node, const struct exclusions *routes, struct choice *v, struct error *e)
{
	struct ipam ipam;
	int err = ipam_read(&node->pins, &ipam, e);

	*v = (struct choice){ .routes = routes };
	if (!err)
		err = choice_own(node, v, e);
	if (!err)
		err = remote_read(node, &v->remote, e);
	if (err)
		choice_free(v);
	else
		v->generation = ipam.generation;
	return err;
}

static int reserved_ranges(struct context *node, const char *pool, json_t **json,
			   struct pool_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	*json = store_get(&node->pins, OBJECT_POOL, pool);
	return *json ? pool_spec_from_json(*json, spec, NULL) : 0;
}

static void reserve(struct pool_family_spec *f, const struct prefix *prefix)
{
	f->reserved = xrealloc(f->reserved, (f->reserved_count + 1) * sizeof(*f->reserved));
	f->reserved[f->reserved_count++] = (struct address_range){ prefix->addr, addr_last(prefix) };
}

/* What a block should not overlap is as if it were reserved; single addresses only if @all. */
static void reserve_exclusions(const struct choice *v, const struct pool_cidr *cidrs, uint32_t count,
			       bool all, struct pool_family_spec *f)
{
	size_t from, to;

	count = count < POOL_FAMILY_CIDRS ? count : POOL_FAMILY_CIDRS;
	for (size_t i = 0; i < v->routes->count; i++) {
		const struct prefix *prefix = &v->routes->list[i].prefix;
		uint32_t c = 0;

		while (c < count && !prefix_overlaps(&cidrs[c].cidr, prefix))
			c++;
		if (c < count && (all || prefix->length != 128))
			reserve(f, prefix);
	}
	for (uint32_t c = 0; c < count && all; c++) {
		remote_find_addresses(&v->remote, &cidrs[c].cidr, &from, &to);
		for (; from < to; from++)
			if (v->remote.addresses[from].kind == REMOTE_ADDRESS)
				reserve(f, &v->remote.addresses[from].prefix);
	}
}

static bool carve_any(const struct choice *v, const struct pool_cidr *cidrs,
		      const struct pool_family *pf, const struct pool_family_spec *f,
		      struct block_request *request, struct prefix *prefix)
{
	const struct prefix_list taken[] = {
		{ v->own, v->own_count, sizeof(*v->own) },
		{ v->remote.blocks, v->remote.block_count, sizeof(*v->remote.blocks) },
	};
	uint64_t index;

	for (uint32_t i = 0; i < pf->cidrs && i < POOL_FAMILY_CIDRS; i++) {
		if (carve_next(&cidrs[i].cidr, pf->mask_length, cidrs[i].cursor, taken, 2,
			       f->reserved, f->reserved_count, prefix, &index))
			continue;
		request->cidr = i;
		request->cursor = index + 1;
		return true;
	}
	return false;
}

int choose_block(struct context *node, const struct choice *v, uint32_t id, const struct pool *pool,
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

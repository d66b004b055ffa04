// SPDX-License-Identifier: GPL-2.0-only
/* Blocks taken and given back: the rules of rules.h on the state of the maps. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/blocks/list.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "loader/net/excluded.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/manifest/pool_spec.h"
#include "loader/ipam/rules.h"
#include "loader/kernel/store.h"
#include "loader/blocks/sync.h"

/* What a choice of blocks looks at; valid while pp_ipam has this generation. */
struct view {
	uint64_t generation;
	struct block_entry *blocks;
	size_t block_count;
	struct stored *nodes;
	size_t node_count;
	struct claim *claims; /* of other nodes */
	size_t claim_count;
	struct exclusions exclusions;
	struct prefix *taken; /* blocks and claims, sorted, none in another */
	size_t taken_count;
};

static void view_free(struct view *v)
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

static void view_take(struct view *v)
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

static int view_exclusions(struct view *v, struct error *e)
{
	struct netlink *nl = NULL;
	int err = netlink_open(&nl, -1, e);

	if (!err)
		err = excluded_by_routes(nl, &v->exclusions, e);
	netlink_close(nl);
	return err;
}

static int view_read(struct node *node, struct view *v, struct error *e)
{
	struct ipam ipam;
	int err;

	memset(v, 0, sizeof(*v));
	err = view_exclusions(v, e);
	if (!err)
		err = ipam_read(&node->pins, &ipam, e);
	if (!err)
		err = ipam_blocks(&node->pins, &v->blocks, &v->block_count, e);
	if (!err)
		err = store_list(&node->pins, OBJECT_NODE, &v->nodes, &v->node_count, e);
	if (err) {
		view_free(v);
		return err;
	}
	v->generation = ipam.generation;
	for (size_t i = 0; i < v->node_count; i++) {
		excluded_by_node(v->nodes[i].json, &v->exclusions);
		if (strcmp(v->nodes[i].name, node->config.node))
			claims_of(v->nodes[i].json, node->config.default_pool_name, &v->claims,
				  &v->claim_count);
	}
	view_take(v);
	return 0;
}

void block_fill(struct block *block, uint32_t id, const struct pool *pool,
		const struct prefix *prefix)
{
	memset(block, 0, sizeof(*block));
	block->pool = id;
	block->family = prefix_family(prefix);
	block->state = BLOCK_ACTIVE;
	block->prefix = *prefix;
	block->size = block_size(prefix);
	block_range(prefix, pool->flags & POOL_ALLOW_FIRST, pool->flags & POOL_ALLOW_LAST, &block->low,
		    &block->high);
	block->created = time(NULL);
}

int block_take(struct node *node, const struct block_request *request, bool list, struct error *e)
{
	struct txn txn;
	char text[PREFIX_TEXT];
	int err = list ? block_list_write(node, &request->block, e) : 0;

	if (!err)
		err = ipam_run(&node->pins, PROG_BLOCK_CARVE, request, &txn, e);
	if (err)
		return err;
	if (txn.error == IPAM_STALE)
		return -EAGAIN;
	if (txn.error)
		return error_set(e, -ENOMEM,
				 "%s: no room for another block in the maps (%d); delete unused pools or blocks",
				 prefix_format(&request->block.prefix, text), txn.error);
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
static void reserve_exclusions(const struct view *v, const struct pool_cidr *cidrs, uint32_t count,
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

static bool carve_any(const struct view *v, const struct pool_cidr *cidrs,
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

/* Chooses the next block of the pool: 0, -EAGAIN, -ENOSPC without a sentence, or -errno. */
static int choose_block(struct node *node, const struct view *v, uint32_t id,
			const struct pool *pool, enum family family, struct block_request *request)
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

/* Chooses and takes one block of the pool; errors as choose_block(). */
static int carve_one(struct node *node, const struct view *v, uint32_t id, const struct pool *pool,
		     enum family family, struct error *e)
{
	struct block_request request = {};
	int err = choose_block(node, v, id, pool, family, &request);

	return err ? err : block_take(node, &request, true, e);
}

int blocks_room(struct node *node, uint32_t id, enum family family, struct error *e)
{
	struct block_request request = {};
	const struct pool_family *pf;
	struct pool pool;
	struct view v;
	int err = ipam_pool_read(&node->pins, id, &pool);

	pf = &pool.family[family];
	if (err || !pf->mask_length || pf->in_use < pf->capacity)
		return err;
	if (node->config.allocator != NODE_ALLOCATOR_LOCAL)
		return -ENOSPC;
	do {
		err = view_read(node, &v, e);
		if (err)
			return err;
		err = choose_block(node, &v, id, &pool, family, &request);
		view_free(&v);
	} while (err == -EAGAIN && !ipam_pool_read(&node->pins, id, &pool));
	return err ? err : block_list_probe(node, e);
}

uint32_t blocks_needed(struct node *node, const struct pool_entry *p, enum family family)
{
	bool enabled = family == FAMILY_IPV4 ? node->config.ipv4 : node->config.ipv6;
	const struct pool_family *pf = &p->pool.family[family];

	if (!enabled) /* what old pods still have stays, but nothing is kept ready for new ones */
		return 0;
	return demand_needed(pf->in_use, ipam_pending_count(&node->pins, p->pool.name, family),
			     pf->pre_allocation);
}

/* Takes blocks until capacity meets the need. Under the derived lock. */
static int grow(struct node *node, uint32_t id, enum family family, bool *changed, struct error *e)
{
	struct pool_entry p = { .id = id };
	struct view v;
	int err = 0;

	for (;;) {
		/* the generation first: a change after it makes the carve stale */
		err = view_read(node, &v, e);
		if (err)
			return err;
		err = ipam_pool_read(&node->pins, id, &p.pool);
		if (err || p.pool.state != POOL_ACTIVE || !p.pool.family[family].mask_length ||
		    blocks_needed(node, &p, family) <= p.pool.family[family].capacity) {
			view_free(&v);
			return err == -ENOENT ? 0 : err;
		}
		err = carve_one(node, &v, id, &p.pool, family, e);
		view_free(&v);
		if (err == -EAGAIN)
			continue;
		if (err == -ENOSPC)
			return error_set(e, BLOCKS_DRY,
					 "failed to allocate %s address for node \"%s\" from pool \"%s\": pool empty; add a CIDR to the pool",
					 family_name(family), node->config.node, p.pool.name);
		if (err)
			return err == -EDQUOT ? BLOCKS_UNLISTED : err;
		*changed = true;
	}
}

static int drop_run(struct node *node, uint32_t block, struct error *e)
{
	struct block_request request = { .id = block };
	struct txn txn;
	int err = ipam_run(&node->pins, PROG_BLOCK_DROP, &request, &txn, e);

	if (err || txn.error == IPAM_OK)
		return err ? err : 1;
	/* taken or dropped meanwhile: as good */
	if (txn.error == IPAM_IN_USE || txn.error == IPAM_NO_BLOCK)
		return 0;
	return ipam_refused(&node->pins, PROG_BLOCK_DROP, &txn, e);
}

/* Drops a block as if it had not been taken, if it is new. 1: done, 0: it is not, or -errno. */
static int drop_undo(struct node *node, const struct block_entry *entry, struct error *e)
{
	const struct block *b = &entry->block;
	struct block_request request = { .id = entry->id, .undo = 1 };
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	struct ipam ipam;
	struct pool pool;
	struct txn txn;
	uint64_t now = time(NULL);
	int err = ipam_read(&node->pins, &ipam, e);

	if (err || now < b->created || now - b->created > BLOCKS_ATTEMPT)
		return err;
	/* a pool that changes under us makes the generation stale */
	request.expected = ipam.generation;
	if (ipam_pool_read(&node->pins, b->pool, &pool) ||
	    pool.family[b->family].mask_length != b->prefix.length ||
	    ipam_pool_cidrs(&node->pins, b->pool, b->family, cidrs, pool.family[b->family].cidrs))
		return 0;
	while (request.cidr < pool.family[b->family].cidrs &&
	       !prefix_covers(&cidrs[request.cidr].cidr, &b->prefix))
		request.cidr++;
	if (request.cidr == pool.family[b->family].cidrs)
		return 0;
	request.cursor = block_index(&cidrs[request.cidr].cidr, &b->prefix);
	err = ipam_run(&node->pins, PROG_BLOCK_DROP, &request, &txn, e);
	return err ? err : txn.error == IPAM_OK;
}

/* Gives back what is not needed. Under the derived lock. */
static int shrink(struct node *node, uint32_t id, enum family family, bool failed, bool *changed,
		  struct error *e)
{
	struct pool_entry p = { .id = id };
	struct block_entry *blocks, **own;
	struct block_view *views;
	size_t count, n = 0;
	bool *drop;
	int err = ipam_pool_read(&node->pins, id, &p.pool);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = ipam_blocks(&node->pins, &blocks, &count, e);
	if (err)
		return err;
	views = xcalloc(count, sizeof(*views));
	drop = xcalloc(count, sizeof(*drop));
	own = xcalloc(count, sizeof(*own));
	for (size_t i = 0; i < count; i++) {
		const struct block *b = &blocks[i].block;

		/* one that is kept counts as used: its pods from before the reboot may come back */
		if (b->pool != id || b->family != family)
			continue;
		own[n] = &blocks[i];
		views[n++] = (struct block_view){ blocks[i].id, block_capacity(b),
						  b->used + (b->keep_until > ipam_boot_seconds()),
						  b->state == BLOCK_DRAINING };
	}
	release_choose(views, n, blocks_needed(node, &p, family), p.pool.family[family].in_use, drop);
	for (size_t i = n; !err && i-- > 0;) {
		if (!drop[i])
			continue;
		err = failed ? drop_undo(node, own[i], e) : 0;
		if (!err)
			err = drop_run(node, views[i].id, e);
		if (err > 0) {
			*changed = true;
			err = 0;
		}
	}
	free(blocks);
	free(views);
	free(drop);
	free(own);
	return err;
}

/* Whether giving back is worth a look: some block is empty and more is free than needed. */
static bool may_shrink(const struct pool_family *pf, uint32_t needed)
{
	return pf->empty && pf->capacity > needed;
}

static int finish(struct node *node, bool changed, int err, struct error *e)
{
	int synced = 0;

	if (changed)
		synced = sync_blocks(node, err < 0 ? NULL : e);
	root_unlock_derived(&node->pins.root);
	return err < 0 || !synced ? err : synced;
}

static int balance(struct node *node, uint32_t id, enum family family, bool may_drop, bool failed,
		   struct error *e)
{
	bool changed = false, local = node->config.allocator == NODE_ALLOCATOR_LOCAL;
	struct pool_entry p = { .id = id };
	const struct pool_family *pf = &p.pool.family[family];
	uint32_t needed;
	int err;

	err = ipam_pool_read(&node->pins, id, &p.pool);
	if (err || !local)
		return err == -ENOENT ? 0 : err;
	needed = blocks_needed(node, &p, family);
	if (needed <= pf->capacity && !(may_drop && may_shrink(pf, needed)))
		return 0;
	err = root_lock_derived(&node->pins.root);
	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	if (needed > pf->capacity)
		err = grow(node, id, family, &changed, e);
	else
		err = shrink(node, id, family, failed, &changed, e);
	return finish(node, changed, err, e);
}

int blocks_balance(struct node *node, uint32_t pool, enum family family, struct error *e)
{
	return balance(node, pool, family, true, false, e);
}

int blocks_balance_failed(struct node *node, uint32_t pool, enum family family, struct error *e)
{
	return balance(node, pool, family, true, true, e);
}

int blocks_balance_all(struct node *node, bool may_drop, struct error *e)
{
	struct pool_entry *pools;
	size_t count;
	int first = ipam_pools(&node->pins, &pools, &count, e);

	for (size_t i = 0; i < count; i++) {
		for (int family = 0; family < FAMILIES; family++) {
			int err = balance(node, pools[i].id, family, may_drop, false,
					  first < 0 ? NULL : e);

			first = first < 0 || !err ? first : err;
		}
	}
	free(pools);
	return first;
}

int pool_retire(struct node *node, uint32_t id, struct error *e)
{
	struct pool_request *request;
	struct ipam ipam;
	struct pool pool;
	struct txn txn = {};
	int err;

	for (;;) {
		err = ipam_read(&node->pins, &ipam, e);
		if (err || ipam_pool_read(&node->pins, id, &pool) || pool.state != POOL_TERMINATING ||
		    pool.family[FAMILY_IPV4].blocks || pool.family[FAMILY_IPV6].blocks)
			return err;
		request = xcalloc(1, sizeof(*request));
		request->expected = ipam.generation;
		request->id = id;
		request->object_key.kind = OBJECT_POOL;
		memcpy(request->object_key.name, pool.name, sizeof(pool.name));
		err = ipam_run(&node->pins, PROG_POOL_DELETE, request, &txn, e);
		free(request);
		if (err)
			return err;
		if (txn.error == IPAM_OK)
			store_sweep(&node->pins, OBJECT_POOL, pool.name);
		if (txn.error == IPAM_OK || txn.error == IPAM_NO_POOL)
			return 0;
		if (txn.error != IPAM_STALE)
			return ipam_refused(&node->pins, PROG_POOL_DELETE, &txn, e);
	}
}

int blocks_retire(struct node *node, uint32_t id, struct error *e)
{
	struct block block;
	int err;

	if (ipam_block_read(&node->pins, id, &block) || block.state != BLOCK_DRAINING || block.used)
		return 0;
	err = root_lock_derived(&node->pins.root);
	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	err = drop_run(node, id, e);
	if (err > 0) {
		err = pool_retire(node, block.pool, e);
		return finish(node, true, err, e);
	}
	return finish(node, false, err, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Blocks taken and given back: the rules of rules.h on the state of the maps. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/blocks/list.h"
#include "loader/blocks/blocks.h"
#include "loader/blocks/changes.h"
#include "loader/blocks/choose.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/ipam/rules.h"
#include "loader/kernel/store.h"

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

int block_take(struct context *node, const struct block_request *request, bool list, struct error *e)
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

int blocks_room(struct context *node, uint32_t id, enum family family, struct error *e)
{
	struct block_request request = {};
	struct block_changes none = {};
	const struct pool_family *pf;
	struct pool pool;
	struct choice v;
	int err = ipam_pool_read(&node->pins, id, &pool);

	pf = &pool.family[family];
	if (err || !pf->mask_length || pf->in_use < pf->capacity)
		return err;
	if (node->config.allocator != NODE_ALLOCATOR_LOCAL)
		return -ENOSPC;
	do {
		err = block_changes_routes(&none, e);
		if (!err)
			err = choice_read(node, &none.routes, &v, e);
		if (err)
			break;
		err = choose_block(node, &v, id, &pool, family, &request);
		choice_free(&v);
	} while (err == -EAGAIN && !ipam_pool_read(&node->pins, id, &pool));
	block_changes_free(&none);
	return err ? err : block_list_probe(node, e);
}

uint32_t blocks_needed(struct context *node, const struct pool_entry *p, enum family family)
{
	const struct pool_family *pf = &p->pool.family[family];

	if (!node->config.enabled[family]) /* what old pods still have stays, but nothing is kept ready for new ones */
		return 0;
	return demand_needed(pf->in_use, ipam_pending_count(&node->pins, p->pool.name, family),
			     pf->pre_allocation);
}

/* Takes one block if capacity does not meet the need: 1; 0: it does; errors as choose_block(). */
static int grow_once(struct context *node, struct pool_entry *p, enum family family,
		     struct block_changes *changes, struct error *e)
{
	struct block_request request = {};
	struct choice v;
	int err = ipam_pool_read(&node->pins, p->id, &p->pool);

	if (err || p->pool.state != POOL_ACTIVE || !p->pool.family[family].mask_length ||
	    blocks_needed(node, p, family) <= p->pool.family[family].capacity)
		return err == -ENOENT ? 0 : err;
	err = block_changes_routes(changes, e);
	if (!err)
		err = choice_read(node, &changes->routes, &v, e);
	if (err)
		return err;
	/* again, after the generation: a change since makes the carve stale */
	if (ipam_pool_read(&node->pins, p->id, &p->pool)) {
		choice_free(&v);
		return -EAGAIN;
	}
	err = choose_block(node, &v, p->id, &p->pool, family, &request);
	if (!err)
		err = block_take(node, &request, true, e);
	if (!err)
		block_changes_add(changes, &request.block.prefix, true);
	choice_free(&v);
	return err ? err : 1;
}

/* Takes blocks until capacity meets the need. Under the derived lock. */
static int grow(struct context *node, uint32_t id, enum family family, struct block_changes *changes,
		struct error *e)
{
	struct pool_entry p = { .id = id };
	int err;

	do
		err = grow_once(node, &p, family, changes, e);
	while (err > 0 || err == -EAGAIN);
	if (err == -ENOSPC)
		return error_set(e, BLOCKS_DRY,
				 "failed to allocate %s address for node \"%s\" from pool \"%s\": pool empty; add a CIDR to the pool",
				 family_name(family), node->config.node, p.pool.name);
	return err == -EDQUOT ? BLOCKS_UNLISTED : err;
}

/* Those blocks of @blocks that the pool does not need, in @surplus; their number. */
static size_t choose_surplus(struct context *node, const struct pool_entry *p, enum family family,
			     struct block_entry *blocks, size_t count, struct block_entry **surplus)
{
	struct block_view *views = xcalloc(count, sizeof(*views));
	struct block_entry **own = xcalloc(count, sizeof(*own));
	bool *drop = xcalloc(count, sizeof(*drop));
	size_t n = 0, chosen = 0;

	for (size_t i = 0; i < count; i++) {
		const struct block *b = &blocks[i].block;

		/* one that is kept counts as used: its pods from before the reboot may come back */
		if (b->pool != p->id || b->family != family)
			continue;
		own[n] = &blocks[i];
		views[n++] = (struct block_view){ blocks[i].id, block_capacity(b),
						  b->used + (b->keep_until > ipam_boot_seconds()),
						  b->state == BLOCK_DRAINING };
	}
	release_choose(views, n, blocks_needed(node, p, family), p->pool.family[family].in_use, drop);
	for (size_t i = n; i-- > 0;)
		if (drop[i])
			surplus[chosen++] = own[i];
	free(views);
	free(drop);
	free(own);
	return chosen;
}

/* Gives back what is not needed. Under the derived lock. */
static int shrink(struct context *node, uint32_t id, enum family family, bool failed,
		  struct block_changes *changes, struct error *e)
{
	struct pool_entry p = { .id = id };
	struct block_entry *blocks, **surplus;
	size_t count, chosen;
	int err = ipam_pool_read(&node->pins, id, &p.pool);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = ipam_blocks(&node->pins, &blocks, &count, e);
	if (err)
		return err;
	surplus = xcalloc(count, sizeof(*surplus));
	chosen = choose_surplus(node, &p, family, blocks, count, surplus);
	for (size_t i = 0; !err && i < chosen; i++) {
		err = failed ? block_return_undo(node, surplus[i], e) : 0;
		if (!err)
			err = block_return(node, surplus[i]->id, e);
		if (err > 0) {
			block_changes_add(changes, &surplus[i]->block.prefix, false);
			err = 0;
		}
	}
	free(blocks);
	free(surplus);
	return err;
}

int blocks_surplus(struct context *node, struct prefix **list, size_t *count, struct error *e)
{
	struct block_entry *blocks = NULL, **surplus;
	struct pool_entry *pools = NULL;
	size_t pool_count, block_count = 0, n = 0;
	int err = ipam_pools(&node->pins, &pools, &pool_count, e);

	*list = NULL;
	*count = 0;
	if (!err)
		err = ipam_blocks(&node->pins, &blocks, &block_count, e);
	surplus = xcalloc(block_count, sizeof(*surplus));
	*list = xcalloc(block_count, sizeof(**list));
	for (size_t i = 0; !err && i < pool_count; i++)
		for (int family = 0; family < FAMILIES; family++) {
			if (pools[i].pool.family[family].empty)
				n = choose_surplus(node, &pools[i], family, blocks, block_count, surplus);
			for (; n; n--)
				(*list)[(*count)++] = surplus[n - 1]->block.prefix;
		}
	free(surplus);
	free(blocks);
	free(pools);
	return err;
}

/* Whether giving back is worth a look: some block is empty and more is free than needed. */
static bool may_shrink(const struct pool_family *pf, uint32_t needed)
{
	return pf->empty && pf->capacity > needed;
}

static int begin(struct context *node, struct block_changes *changes, struct error *e)
{
	int err = root_lock_derived(&node->pins.root);

	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	err = block_changes_begin(node, changes, e);
	if (err)
		root_unlock_derived(&node->pins.root);
	return err;
}

static int finish(struct context *node, struct block_changes *changes, int err, struct error *e)
{
	int synced = block_changes_sync(node, changes, err < 0 ? NULL : e);

	block_changes_free(changes);
	root_unlock_derived(&node->pins.root);
	return err < 0 || !synced ? err : synced;
}

static int balance(struct context *node, uint32_t id, enum family family, bool may_drop, bool failed,
		   struct error *e)
{
	bool local = node->config.allocator == NODE_ALLOCATOR_LOCAL;
	struct pool_entry p = { .id = id };
	const struct pool_family *pf = &p.pool.family[family];
	struct block_changes changes;
	uint32_t needed;
	int err;

	err = ipam_pool_read(&node->pins, id, &p.pool);
	if (err || !local)
		return err == -ENOENT ? 0 : err;
	needed = blocks_needed(node, &p, family);
	if (needed <= pf->capacity && !(may_drop && may_shrink(pf, needed)))
		return 0;
	err = begin(node, &changes, e);
	if (err)
		return err;
	if (needed > pf->capacity)
		err = grow(node, id, family, &changes, e);
	else
		err = shrink(node, id, family, failed, &changes, e);
	return finish(node, &changes, err, e);
}

int blocks_balance(struct context *node, uint32_t pool, enum family family, struct error *e)
{
	return balance(node, pool, family, true, false, e);
}

int blocks_balance_failed(struct context *node, uint32_t pool, enum family family, struct error *e)
{
	return balance(node, pool, family, true, true, e);
}

int blocks_balance_all(struct context *node, bool may_drop, struct error *e)
{
	struct pool_entry *pools;
	size_t count;
	int first;

	if (node->config.allocator != NODE_ALLOCATOR_LOCAL)
		return 0;
	first = ipam_pools(&node->pins, &pools, &count, e);
	for (size_t i = 0; i < count; i++) {
		for (int family = 0; family < FAMILIES; family++) {
			int err = balance(node, pools[i].id, family, may_drop, false,
					  first < 0 ? NULL : e);

			first = first_error(first, err);
		}
	}
	free(pools);
	return first;
}

int pool_retire(struct context *node, uint32_t id, struct error *e)
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

int blocks_retire(struct context *node, uint32_t id, struct error *e)
{
	struct block_changes changes;
	struct block block;
	int err;

	if (ipam_block_read(&node->pins, id, &block) || block.state != BLOCK_DRAINING || block.used)
		return 0;
	err = begin(node, &changes, e);
	if (err)
		return err;
	err = block_return(node, id, e);
	if (err > 0) {
		block_changes_add(&changes, &block.prefix, false);
		err = pool_retire(node, block.pool, e);
	}
	return finish(node, &changes, err, e);
}

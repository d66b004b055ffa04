// SPDX-License-Identifier: GPL-2.0-only
/* Blocks that a CiliumNode lists: taken exactly, and drained where the list lacks them. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/ipam/remote.h"
#include "loader/ipam/state.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/blocks/sync.h"

bool blocks_in_pool(struct context *node, const struct pool_entry *pool, const struct prefix *prefix)
{
	enum family family = prefix_family(prefix);
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	uint32_t count = pool->pool.family[family].cidrs;

	if (pool->pool.state != POOL_ACTIVE || !pool->pool.family[family].mask_length ||
	    ipam_pool_cidrs(&node->pins, pool->id, family, cidrs, count))
		return false;
	for (uint32_t i = 0; i < count && i < POOL_FAMILY_CIDRS; i++)
		if (prefix_covers(&cidrs[i].cidr, prefix))
			return true;
	return false;
}

/* 0: free to take; 1: this node has it for this pool; -EEXIST: somebody has (part of) it. */
static int taken(const struct remote *others, uint32_t pool, const struct prefix *prefix,
		 const struct block_entry *blocks, size_t block_count)
{
	for (size_t i = 0; i < block_count; i++) {
		const struct block *b = &blocks[i].block;

		if (b->pool == pool && prefix_equal(&b->prefix, prefix))
			return 1;
		if (prefix_overlaps(&b->prefix, prefix))
			return -EEXIST;
	}
	return remote_is_claimed(others, prefix) ? -EEXIST : 0;
}

static int occupy(struct context *node, const char *pool, const struct prefix *prefix,
		  unsigned int keep_seconds, struct error *e)
{
	struct block_request request = { .cidr = NO_CIDR };
	struct block_entry *blocks;
	struct remote others;
	struct pool_entry p;
	struct ipam ipam;
	char text[PREFIX_TEXT];
	size_t count;
	int err = ipam_read(&node->pins, &ipam, e);

	prefix_format(prefix, text);
	if (err)
		return err;
	if (ipam_pool_find(&node->pins, pool, &p.id, &p.pool))
		return error_set(e, -ENOENT, "cannot reuse from non-existing pool: %s", pool);
	err = ipam_blocks(&node->pins, &blocks, &count, e);
	if (err)
		return err;
	err = remote_read(node, &others, e);
	if (!err)
		err = taken(&others, p.id, prefix, blocks, count);
	remote_free(&others);
	free(blocks);
	if (err == 1)
		return 0;
	if (err && err != -EEXIST)
		return err;
	if (err)
		return error_set(e, err,
				 "unable to reuse from pool %s: cidr %s has already been allocated", pool, text);
	if (!blocks_in_pool(node, &p, prefix))
		return error_set(e, -EINVAL,
				 "unable to reuse from pool %s: cidr %s is not part of the requested pool",
				 pool, text);
	request.expected = ipam.generation;
	block_fill(&request.block, p.id, &p.pool, prefix);
	request.block.keep_until = keep_seconds ? ipam_boot_seconds() + keep_seconds : 0;
	/* what is taken for a while comes from the file; a static node's list is its CiliumNode */
	err = block_take(node, &request, !keep_seconds && node->config.allocator == NODE_ALLOCATOR_LOCAL,
			 e);
	return err ? err : 1;
}

/* 0, 1 (taken now), or -errno; under the derived lock. */
static int occupy_locked(struct context *node, const char *pool, const struct prefix *prefix,
			 unsigned int keep_seconds, struct error *e)
{
	int err;

	do
		err = occupy(node, pool, prefix, keep_seconds, e);
	while (err == -EAGAIN);
	return err;
}

static int begin(struct context *node, struct error *e)
{
	int err = root_lock_derived(&node->pins.root);

	return err ? error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err)) : 0;
}

int blocks_occupy(struct context *node, const char *pool, const struct prefix *prefix, struct error *e)
{
	int err = begin(node, e);

	if (err)
		return err;
	err = occupy_locked(node, pool, prefix, 0, e);
	if (err > 0)
		err = sync_blocks(node, e);
	root_unlock_derived(&node->pins.root);
	return err;
}

int blocks_retire_all(struct context *node, struct error *e)
{
	struct pool_entry *pools = NULL;
	struct block_entry *blocks;
	size_t count;
	int err = ipam_blocks(&node->pins, &blocks, &count, e);

	for (size_t i = 0; !err && i < count; i++)
		err = blocks_retire(node, blocks[i].id, e);
	free(blocks);
	if (!err)
		err = ipam_pools(&node->pins, &pools, &count, e);
	for (size_t i = 0; !err && i < count; i++)
		if (pools[i].pool.state == POOL_TERMINATING)
			err = pool_retire(node, pools[i].id, e);
	free(pools);
	return err;
}

bool blocks_can_take(struct context *node, const struct claim *claim)
{
	struct pool_entry pool;

	return !ipam_pool_find(&node->pins, claim->pool, &pool.id, &pool.pool) &&
	       blocks_in_pool(node, &pool, &claim->prefix);
}

int blocks_match(struct context *node, const struct claim *claims, size_t count,
		 unsigned int keep_seconds, struct error *e)
{
	int first = 0, err = begin(node, e);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (!keep_seconds && !blocks_can_take(node, &claims[i]))
			continue;
		err = occupy_locked(node, claims[i].pool, &claims[i].prefix, keep_seconds,
				    first ? NULL : e);
		if (err < 0 && !first)
			first = err;
	}
	root_unlock_derived(&node->pins.root);
	return first;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This node's blocks: taken from pools by demand and given back (pinpool-ipam(7)). All of these take
 * the derived lock themselves, bring what is derived from the blocks up to date (sync.h) if they
 * changed any, and may be repeated.
 */
#ifndef PP_BLOCKS_LOADER_H
#define PP_BLOCKS_LOADER_H

#include "loader/kernel/context.h"
#include "loader/base/prefix.h"

/*
 * After a lease, a release or new pending demand of one pool and family: takes blocks while needed
 * exceeds capacity, gives empty ones back. BLOCKS_DRY with a sentence if the pool ran dry: what was
 * granted before stays, and nothing failed.
 */
#define BLOCKS_DRY 1
#define BLOCKS_UNLISTED 2 /* likewise: another block cannot be listed on disk (list.h) */
int blocks_balance(struct context *node, uint32_t pool, enum family family, struct error *e);

/*
 * The same after the failed attempt to make a pod: a block of the last seconds that is given back is
 * the next one to be taken, so that retries do not wander through the pool.
 */
#define BLOCKS_ATTEMPT 10 /* seconds that an attempt may have taken */
int blocks_balance_failed(struct context *node, uint32_t pool, enum family family, struct error *e);

/*
 * The blocks that are empty and not needed, for who gives them back where this node does not do it itself (static
 * mode). The caller frees *list, also after an error.
 */
int blocks_surplus(struct context *node, struct prefix **list, size_t *count, struct error *e);

/*
 * Whether another pod would get an address of the pool and family: one is free, or a block can be
 * had and listed on disk. Changes nothing. 0, -ENOSPC without a sentence, or -errno.
 */
int blocks_room(struct context *node, uint32_t pool, enum family family, struct error *e);

/* blocks_balance() for every pool; an error counts more than a dry pool, the other pools go on. @may_drop: give back too. */
int blocks_balance_all(struct context *node, bool may_drop, struct error *e);

/* Drops the block if it is draining and empty, and its pool if that was terminating and it was the last. */
int blocks_retire(struct context *node, uint32_t block, struct error *e);

/*
 * Takes exactly this block for a pool ("occupy", pinpool-ipam(7), BLOCKS OF A NODE); held already: success. -EEXIST, -EINVAL,
 * -ENOENT with the sentences of pinpool-ipam(7).
 */
int blocks_occupy(struct context *node, const char *pool, const struct prefix *prefix, struct error *e);

struct claim;
struct pool_entry;

/*
 * Takes each block that the list has, and keeps what it takes for @keep_seconds though nobody needs it;
 * the first error is kept, the others go on. Of the CiliumNode's list (@keep_seconds 0) those that are
 * in no pool are left out: apply has warned, and status reports them.
 */
int blocks_match(struct context *node, const struct claim *claims, size_t count,
		 unsigned int keep_seconds, struct error *e);

/*
 * Makes each block's state what pools and, in static mode, the list say (pinpool-ipam(7), CHANGING POOLS): active where its
 * pool is active and has a CIDR that covers it, no other node claims it and the list has it, else
 * draining. One transaction.
 */
int blocks_settle(struct context *node, const struct claim *claims, size_t count, struct error *e);

/* blocks_retire() for every block, and every terminating pool. */
int blocks_retire_all(struct context *node, struct error *e);

/* Whether the node can take the block, or has it: its pool is there and covers it. */
bool blocks_can_take(struct context *node, const struct claim *claim);

/* Whether an active pool has a CIDR that covers @prefix. */
bool blocks_in_pool(struct context *node, const struct pool_entry *pool, const struct prefix *prefix);

/* A terminating pool without blocks is gone; any other stays as it is. */
int pool_retire(struct context *node, uint32_t pool, struct error *e);

/* For the files of this module: an active block as the pool's flags make it, and pp_block_carve
 * run: 0, -EAGAIN (look again), or -errno with a sentence: -EDQUOT where @list and the block list on disk
 * cannot have it first. */
struct block;
struct pool;
struct block_request;
void block_fill(struct block *block, uint32_t id, const struct pool *pool,
		const struct prefix *prefix);
int block_take(struct context *node, const struct block_request *request, bool list, struct error *e);

/* pp_block_drop run. 1: dropped, 0: taken or dropped by another meanwhile, or -errno. */
struct block_entry;
int block_return(struct context *node, uint32_t block, struct error *e);
/* The same as if it had not been taken, if it is new; 0 also: it is not. */
int block_return_undo(struct context *node, const struct block_entry *entry, struct error *e);

/* `needed` of a pool and family now (pinpool-ipam(7), DEMAND). */
uint32_t blocks_needed(struct context *node, const struct pool_entry *pool, enum family family);

#endif

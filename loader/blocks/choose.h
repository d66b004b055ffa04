/* SPDX-License-Identifier: GPL-2.0-only */
/* Which block a pool gives next (pinpool-ipam(7), BLOCKS OF A NODE); for blocks.c. */
#ifndef PP_BLOCKS_CHOOSE_H
#define PP_BLOCKS_CHOOSE_H

#include "loader/net/excluded.h"
#include "loader/ipam/remote.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/context.h"

/* What a choice of blocks looks at; valid while pp_ipam has this generation. */
struct choice {
	uint64_t generation;
	struct prefix *own; /* blocks, sorted */
	size_t own_count;
	struct remote remote;
	const struct exclusions *routes; /* what they exclude; what CiliumNodes do is in remote */
};

int choice_read(struct context *node, const struct exclusions *routes, struct choice *v, struct error *e);
void choice_free(struct choice *v);

/* Chooses the next block of the pool: 0, -EAGAIN, -ENOSPC without a sentence, or -errno. */
int choose_block(struct context *node, const struct choice *v, uint32_t id, const struct pool *pool,
		 enum family family, struct block_request *request);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* One block given back. */
#include <time.h>

#include "loader/blocks/blocks.h"
#include "loader/ipam/transactions.h"
#include "loader/ipam/rules.h"

int block_return(struct context *node, uint32_t block, struct error *e)
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

int block_return_undo(struct context *node, const struct block_entry *entry, struct error *e)
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

/* SPDX-License-Identifier: GPL-2.0-only */
/* This node as a CiliumNode object: what another node can apply. */
#ifndef PP_CILIUMNODE_H
#define PP_CILIUMNODE_H

#include <jansson.h>

#include "loader/ipam/state.h"

/*
 * Name, labels and addresses of the applied CiliumNode of this name (else the addresses that the
 * node was brought up with), ipam.pools.requested as of now (pinpool-ipam(7), DEMAND), and allocated: the node's
 * blocks grouped by pool, sorted by pool name, IPv4 first, by prefix (pinpool-ipam(7), BLOCKS OF A NODE). The caller owns it.
 */
json_t *ciliumnode_own(struct context *node, const struct state *state, const struct options *options);

/* Without `requested`: what the state file keeps. */
json_t *ciliumnode_blocks(struct context *node, const struct state *state);

/* One row of `requested`, beside what the node holds of that pool. */
struct request {
	char pool[PP_NAME];
	bool exists; /* and is active */
	bool has_family[FAMILIES];
	uint32_t needed[FAMILIES], capacity[FAMILIES], in_use[FAMILIES];
	uint32_t excluded[FAMILIES]; /* of the blocks' addresses; capacity and in_use have them */
};
/* All pools with a need, sorted by name; the caller frees *list. */
void ciliumnode_requested(struct context *node, const struct state *state,
			  const struct options *options, struct request **list, size_t *count);

#endif

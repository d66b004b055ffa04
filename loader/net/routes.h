/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes the kernel's routes of ours be a wanted set: adds what lacks, removes what is too much. */
#ifndef PP_ROUTES_H
#define PP_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include "loader/net/route.h"

/*
 * Metric of the host's route to a pod whose block is this one address. It hides the block's own route
 * from BGP daemons, which see the best route of a prefix alone, so it is told by them instead: they
 * recognize it by this metric (scripts/bird.conf, scripts/frr.conf). Better than any that they install.
 */
#define ROUTE_BLOCK_POD_METRIC 1

/*
 * The host's route to the pod's address @ip on its veth; @is_block: its block is this one address. It
 * names no source: the kernel removes a route together with the address that it names, and would cut
 * the node from its pods.
 */
struct route route_endpoint(uint32_t ifindex, const struct addr *ip, bool is_block);

/* Which of our routes a reconciliation is about; the others stay untouched. */
enum routes_kind {
	ROUTES_BLOCKS = 1,    /* unreachable BLOCK */
	ROUTES_ENDPOINTS = 2, /* a pod's address, straight to its interface */
	ROUTES_NODES = 4,     /* another node's block, by a gateway */
};

struct routes_change {
	size_t added, removed, kept;
};

enum routes_state {
	ROUTES_OK,
	ROUTES_MISSING,
	ROUTES_DIFFERENT, /* the kernel has another of this destination and metric */
	ROUTES_SURPLUS,   /* the kernel has it and it is not wanted */
};

/* The kind that @route is of. */
enum routes_kind routes_kind(const struct route *route);

/*
 * Makes the routes of the @kinds (a mask) in @table (0: main) exactly @wanted (of these kinds and
 * this table; any order; sorted in place). @change may be NULL. All are tried; the first error
 * returns.
 */
int routes_reconcile(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *wanted,
		     size_t count, struct routes_change *change, struct error *e);

/*
 * The same question without the change: tells @fn of each route, the wanted one or, for
 * ROUTES_SURPLUS, the kernel's.
 */
int routes_compare(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *wanted,
		   size_t count,
		   void (*fn)(const struct route *route, enum routes_state state, void *arg),
		   void *arg, struct error *e);

#endif

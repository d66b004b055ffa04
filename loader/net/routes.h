/* SPDX-License-Identifier: GPL-2.0-only */
/* Reconciles the kernel's routes of pinpool with an expected set. */
#ifndef PP_ROUTES_H
#define PP_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include "loader/net/route.h"

/*
 * Metric of the host's route to a pod whose block is this one address. The route hides the block's
 * own route from BGP daemons, which see only the best route of a prefix, so they announce it
 * instead and recognize it by this metric (scripts/bird.conf, scripts/frr.conf). Better metric than
 * any static or BGP route.
 */
#define ROUTE_BLOCK_POD_METRIC 1

/*
 * The host's route to the pod's address @ip on its veth; @is_block: its block is this one address.
 * The route has no source address: the kernel would remove it together with that address and cut
 * the node from its pods.
 */
struct route route_endpoint(uint32_t ifindex, const struct addr *ip, bool is_block);

/* Which routes of pinpool a reconciliation covers; the others stay untouched. */
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
	ROUTES_DIFFERENT, /* the kernel has another route with this destination and metric */
	ROUTES_SURPLUS,   /* the kernel has it, but it is not expected */
};

/* The kind of @route. */
enum routes_kind routes_kind(const struct route *route);

/*
 * Makes the routes of the @kinds (a mask) in @table (0: main) exactly @expected (of these kinds and
 * this table; any order; sorted in place). @change may be NULL. All are tried; returns the first
 * error.
 */
int routes_reconcile(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *expected,
		     size_t count, struct routes_change *change, struct error *e);

/* Only compares: calls @fn for each expected route, and with ROUTES_SURPLUS for the kernel's others. */
int routes_compare(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *expected,
		   size_t count,
		   void (*fn)(const struct route *route, enum routes_state state, void *arg),
		   void *arg, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks new leases against the node's addresses; for pod.c. */
#ifndef PP_POD_VERIFY_H
#define PP_POD_VERIFY_H

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"

/*
 * Looks up the addresses of a new lease in the kernel's routes. 0: unused elsewhere; 1: one is in
 * use, the lease is released and the address excluded from now on: choose again; -errno.
 */
int pod_verify(struct context *node, struct netlink *nl, const struct lease_owner *owner,
	       const struct txn *txn, struct error *e);

/* The sentence for a requested address in pp_excluded; -EADDRINUSE. */
int pod_excluded_error(struct context *node, const char *pool, const struct addr *addr,
		       struct error *e);

#endif

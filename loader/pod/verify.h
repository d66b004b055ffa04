/* SPDX-License-Identifier: GPL-2.0-only */
/* New leases against the node's addresses; for pod.c. */
#ifndef PP_POD_VERIFY_H
#define PP_POD_VERIFY_H

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"

/*
 * Looks the addresses of a new lease up in the kernel's routes. 0: they are nobody else's; 1: one is, the
 * lease is released, and the address excluded from now on: choose again; -errno.
 */
int pod_verify(struct node *node, struct netlink *nl, const struct lease_owner *owner,
	       const struct txn *txn, struct error *e);

/* The sentence for a requested address that pp_excluded has; -EADDRINUSE. */
int pod_excluded_error(struct node *node, const char *pool, const struct addr *addr,
		       struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows changes of a pod's interface by others: CNI plugins after pinpool-cni ("tuning",
 * "bandwidth"), an administrator, the pod itself. They may change MAC, MTU and rate limits, and
 * pinpool's records follow.
 */
#ifndef PP_POD_FOLLOW_H
#define PP_POD_FOLLOW_H

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "maps/pods.h"

/*
 * Compares the interface of a bound lease with its record *pod. On a difference updates *pod,
 * pp_pods, the host's neighbour entries, the pod's of its gateway and the MTU of the host's end.
 * 1: changed, 0: nothing to do (also if the interface is gone), or -errno.
 */
int pod_follow(struct context *node, struct netlink *nl, const struct lease_entry *l, struct pod *pod,
	       struct error *e);

/* The same for each bound lease, and attaches a detached program again. All are tried; returns the first error. */
int pod_follow_all(struct context *node, struct netlink *nl, struct error *e);
/* The same for some of @leases: those of new pods, and another part of the others each minute. */
int pod_follow_some(struct context *node, struct netlink *nl, const struct lease_entry *leases, size_t count,
		    struct error *e);

#endif

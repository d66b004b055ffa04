/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others changed of a pod's interface after it was made: CNI plugins behind pinpool-cni ("tuning",
 * "bandwidth"), an administrator, the pod itself. The MAC, the MTU and rate limits are theirs to
 * change, and pinpool's records follow.
 */
#ifndef PP_POD_FOLLOW_H
#define PP_POD_FOLLOW_H

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "maps/pods.h"

/*
 * Looks at the interface of a bound lease, whose record is *pod, and where it differs makes *pod,
 * pp_pods, the host's neighbour entries, the pod's of its gateway and the MTU of the host's end agree
 * with it; a program that was detached is attached again. 1: changed, 0: nothing to do (also where the interface is gone), or -errno.
 */
int pod_follow(struct node *node, struct netlink *nl, const struct lease_entry *l, struct pod *pod,
	       struct error *e);

/* The same for each bound lease. The first error is kept, the others go on. */
int pod_follow_all(struct node *node, struct netlink *nl, struct error *e);

#endif

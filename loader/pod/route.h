/* SPDX-License-Identifier: GPL-2.0-only */
/* The routes of a pod: on the host to the pod, in the pod to all other destinations. */
#ifndef PP_POD_ROUTE_H
#define PP_POD_ROUTE_H

#include "loader/net/netlink.h"
#include "loader/net/route.h"

/* The gateway of all pods. No host has this address: it is only a neighbour entry. */
#define POD_GATEWAY_IPV4 "169.254.1.1"
#define POD_GATEWAY_IPV6 "fe80::1"

struct addr pod_route_gateway(enum family family);

/*
 * Adds the default routes of a pod's interface, one for each address of @ip that is not zero, and
 * flushes the queue. If another interface of the pod has the default route, this one serves packets
 * from its own addresses (a rule and a table of its own) and packets bound to the device.
 */
int pod_route_defaults(struct netlink *pod, uint32_t ifindex, const struct addr ip[FAMILIES],
		       struct error *e);

#endif

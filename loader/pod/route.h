/* SPDX-License-Identifier: GPL-2.0-only */
/* The routes of a pod: on the host to it, in the pod to everywhere else. */
#ifndef PP_POD_ROUTE_H
#define PP_POD_ROUTE_H

#include "loader/net/netlink.h"
#include "loader/net/route.h"

/* The gateway as pods see it, the same for all of them. No host has it: it is only a neighbour. */
#define POD_GATEWAY_IPV4 "169.254.1.1"
#define POD_GATEWAY_IPV6 "fe80::1"

/*
 * Metric of the host's route to a pod whose block is this one address. It hides the block's own route
 * from BGP daemons, which see the best route of a prefix alone, so it is told by them instead: they
 * recognize it by this metric (scripts/bird.conf, scripts/frr.conf). Better than any that they install.
 */
#define POD_ROUTE_BLOCK_METRIC 1

struct addr pod_route_gateway(enum family family);

/*
 * The host's route to the pod's address @ip on its veth. It names no source: the kernel removes a
 * route together with the address that it names, and would cut the node from its pods.
 */
struct route pod_route_endpoint(uint32_t ifindex, const struct addr *ip);

/*
 * The default routes of a pod's interface, one for each address of @ip that is not zero. Sends what
 * is queued, too. Where another interface of the pod has the default route, this one serves what is
 * sent from its own addresses (a rule and a table of its own) and what asks for the device.
 */
int pod_route_defaults(struct netlink *pod, uint32_t ifindex, const struct addr ip[FAMILIES],
		       struct error *e);

#endif

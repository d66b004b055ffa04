/* SPDX-License-Identifier: GPL-2.0-only */
/* The routes of a pod: on the host to it, in the pod to everywhere else. */
#ifndef PP_POD_ROUTE_H
#define PP_POD_ROUTE_H

#include "loader/net/netlink.h"
#include "loader/net/route.h"

/* The gateway as pods see it, the same for all of them. No host has it: it is only a neighbour. */
#define POD_GATEWAY_IPV4 "169.254.1.1"
#define POD_GATEWAY_IPV6 "fe80::1"

struct addr pod_route_gateway(enum family family);

/*
 * The default routes of a pod's interface, one for each address of @ip that is not zero. Sends what
 * is queued, too. Where another interface of the pod has the default route, this one serves what is
 * sent from its own addresses (a rule and a table of its own) and what asks for the device.
 */
int pod_route_defaults(struct netlink *pod, uint32_t ifindex, const struct addr ip[FAMILIES],
		       struct error *e);

#endif

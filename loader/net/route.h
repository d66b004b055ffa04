/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes: one at a time. routes.h makes whole sets true. */
#ifndef PP_ROUTE_H
#define PP_ROUTE_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/base/prefix.h"

/* Who installed a route (rtm_protocol; `ip route show proto 112`): ours are exactly these. */
#define ROUTE_PROTOCOL 112

struct route {
	struct prefix to;
	uint8_t type;         /* RTN_UNICAST or RTN_UNREACHABLE */
	bool onlink;          /* the gateway is on the device though no route says so */
	uint32_t table;       /* 0: main */
	uint32_t metric;      /* 0: the kernel's default (0 for IPv4, 1024 for IPv6) */
	uint32_t ifindex;     /* 0: by the gateway, or none (unreachable) */
	uint32_t mtu;         /* 0: the device's */
	struct addr gateway;  /* all zero: none, the destination is on the device */
	struct addr source;   /* what the node itself sends from; all zero: the kernel chooses */
};

bool addr_is_zero(const struct addr *addr);

/* These queue. All have ROUTE_PROTOCOL; delete removes no route of another protocol. */
void route_add(struct netlink *nl, const struct route *route);     /* there already: -EEXIST */
void route_replace(struct netlink *nl, const struct route *route);
void route_delete(struct netlink *nl, const struct route *route);  /* gone already: success */

/*
 * The unicast and unreachable routes in @table (0: main) of @protocol (0: any), both families; one
 * with several gateways is listed once for each. The caller frees *list.
 */
int route_list(struct netlink *nl, uint32_t table, uint8_t protocol, struct route **list,
	       size_t *count, struct error *e);
/* The devices of the default routes in the main table, both families, each once, at most @max. */
int route_default_devices(struct netlink *nl, uint32_t *ifindex, size_t max, size_t *count,
			  struct error *e);
/* The route in the kernel's tables that serves @addr, whoever made it. -ENETUNREACH: none. */
int route_lookup(struct netlink *nl, const struct addr *addr, struct route *route, struct error *e);
/* 1: @gateway is reached without another gateway, by *ifindex; 0: not; -errno. */
int route_is_onlink(struct netlink *nl, const struct addr *gateway, uint32_t *ifindex,
		    struct error *e);

#endif

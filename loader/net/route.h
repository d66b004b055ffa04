/* SPDX-License-Identifier: GPL-2.0-only */
/* Single routes. routes.h reconciles complete sets. */
#ifndef PP_ROUTE_H
#define PP_ROUTE_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/base/prefix.h"

/* Protocol of all routes of pinpool and of no others (rtm_protocol; `ip route show proto 112`). */
#define ROUTE_PROTOCOL 112

struct route {
	struct prefix to;
	uint8_t type;         /* RTN_UNICAST or RTN_UNREACHABLE */
	bool onlink;          /* the gateway is on-link even without a route to it */
	uint32_t table;       /* 0: main */
	uint32_t metric;      /* 0: the kernel's default (0 for IPv4, 1024 for IPv6) */
	uint32_t ifindex;     /* 0: by the gateway, or none (unreachable) */
	uint32_t mtu;         /* 0: the device's */
	struct addr gateway;  /* all zero: none, the destination is on the device */
	struct addr source;   /* the node's source address; all zero: the kernel chooses */
};

bool addr_is_zero(const struct addr *addr);

/* These queue. All have ROUTE_PROTOCOL; delete removes no route of another protocol. */
void route_add(struct netlink *nl, const struct route *route);     /* exists: -EEXIST */
void route_replace(struct netlink *nl, const struct route *route);
void route_delete(struct netlink *nl, const struct route *route);  /* none: success */

/*
 * Lists the unicast and unreachable routes in @table (0: main) of @protocol (0: any), both
 * families. A route with several gateways is listed once per gateway. The caller frees *list.
 */
int route_list(struct netlink *nl, uint32_t table, uint8_t protocol, struct route **list,
	       size_t *count, struct error *e);
/* The same of unreachable ones alone: the kernel leaves out the others, which may be as many as pods. */
int route_list_unreachable(struct netlink *nl, uint32_t table, uint8_t protocol, struct route **list,
			   size_t *count, struct error *e);
/* Whether the main table has a default route of @family by the device @ifindex. */
int route_find_default(struct netlink *nl, uint32_t ifindex, enum family family, bool *found, struct error *e);
/* Lists the devices of the default routes in the main table, both families, each once, at most @max. */
int route_default_devices(struct netlink *nl, uint32_t *ifindex, size_t max, size_t *count,
			  struct error *e);
/* Looks up the route of any table and protocol that the kernel uses for @addr. -ENETUNREACH: none. */
int route_lookup(struct netlink *nl, const struct addr *addr, struct route *route, struct error *e);
/* 1: @gateway is reached without another gateway, by *ifindex; 0: not; -errno. */
int route_is_onlink(struct netlink *nl, const struct addr *gateway, uint32_t *ifindex,
		    struct error *e);

#endif

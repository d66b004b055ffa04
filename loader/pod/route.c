// SPDX-License-Identifier: GPL-2.0-only
/* The routes of a pod, and how two interfaces of one pod share the default route. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>

#include "loader/net/netlink_addr.h"
#include "loader/pod/route.h"

/* For a second interface, in the pod's namespace: table and metric are this plus its ifindex. */
#define SECOND_BASE 112000
#define SECOND_RULE 11200 /* priority, before the main table's 32766 */

struct addr pod_route_gateway(enum family family)
{
	struct addr gateway;

	addr_parse(family == FAMILY_IPV4 ? POD_GATEWAY_IPV4 : POD_GATEWAY_IPV6, &gateway);
	return gateway;
}

static struct route default_route(enum family family, uint32_t ifindex)
{
	struct route route = {
		.to = { .length = prefix_length(family, 0) },
		.type = RTN_UNICAST,
		.onlink = true,
		.ifindex = ifindex,
		.gateway = pod_route_gateway(family),
	};

	if (family == FAMILY_IPV4)
		addr_parse("0.0.0.0", &route.to.addr);
	return route;
}

static void rule_add(struct netlink *nl, const struct addr *source, uint32_t table)
{
	struct fib_rule_hdr h = {
		.family = netlink_af(addr_family(source)),
		.src_len = addr_is_ipv4(source) ? 32 : 128,
		.action = FR_ACT_TO_TBL,
	};
	struct nl_msg *msg = netlink_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
	uint8_t protocol = ROUTE_PROTOCOL;

	netlink_put_addr(msg, FRA_SRC, source);
	netlink_put_u32(msg, FRA_TABLE, table);
	netlink_put_u32(msg, FRA_PRIORITY, SECOND_RULE);
	netlink_put(msg, FRA_PROTOCOL, &protocol, sizeof(protocol));
	netlink_queue(nl, msg, TOLERATE_EXISTS);
}

/* The default route of packets without a device: the one with the lowest metric. */
static const struct route *best_default(const struct route *list, size_t count, enum family family)
{
	const struct route *best = NULL;

	for (const struct route *r = list; r < list + count; r++)
		if (!prefix_bits(&r->to) && prefix_family(&r->to) == family &&
		    r->type == RTN_UNICAST && (!best || r->metric < best->metric))
			best = r;
	return best;
}

/* A default route exists already: ours of an earlier try, or another interface's. */
static int share_defaults(struct netlink *pod, uint32_t ifindex, const struct addr ip[FAMILIES],
			  struct error *e)
{
	const struct route *best;
	struct route *list, route;
	size_t count;
	int err = route_list(pod, RT_TABLE_MAIN, 0, &list, &count, e);

	if (err)
		return err;
	for (int family = 0; family < FAMILIES; family++) {
		if (addr_is_zero(&ip[family]))
			continue;
		best = best_default(list, count, family);
		route = default_route(family, ifindex);
		if (best && best->ifindex != ifindex) {
			route.metric = SECOND_BASE + ifindex;
			route_replace(pod, &route);
			route.metric = 0;
			route.table = SECOND_BASE + ifindex;
			rule_add(pod, &ip[family], route.table);
		}
		route_replace(pod, &route);
	}
	free(list);
	return netlink_flush(pod, e);
}

int pod_route_defaults(struct netlink *pod, uint32_t ifindex, const struct addr ip[FAMILIES],
		       struct error *e)
{
	struct route route;
	int err;

	for (int family = 0; family < FAMILIES; family++) {
		route = default_route(family, ifindex);
		if (!addr_is_zero(&ip[family]))
			route_add(pod, &route);
	}
	err = netlink_flush(pod, e);
	return err == -EEXIST ? share_defaults(pod, ifindex, ip, e) : err;
}

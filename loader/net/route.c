// SPDX-License-Identifier: GPL-2.0-only
/* Single routes: requests, and the kernel's list. */
#include <netlink/attr.h>

#include "loader/base/memory.h"
#include "loader/net/netlink_addr.h"
#include "loader/net/route.h"

bool addr_is_zero(const struct addr *addr)
{
	static const struct addr zero;

	return !memcmp(addr, &zero, sizeof(zero));
}

static struct nl_msg *route_request(int type, int flags, const struct route *route)
{
	bool gateway = !addr_is_zero(&route->gateway);
	struct rtmsg h = {
		.rtm_family = netlink_af(prefix_family(&route->to)),
		.rtm_dst_len = prefix_bits(&route->to),
		.rtm_protocol = ROUTE_PROTOCOL,
		.rtm_type = route->type,
		.rtm_flags = route->onlink ? RTNH_F_ONLINK : 0,
		.rtm_scope = RT_SCOPE_UNIVERSE,
	};
	struct nl_msg *msg;

	if (type == RTM_DELROUTE)
		h.rtm_scope = RT_SCOPE_NOWHERE; /* any */
	else if (route->type == RTN_UNICAST && !gateway)
		h.rtm_scope = RT_SCOPE_LINK;
	msg = netlink_request(type, flags, &h, sizeof(h));
	netlink_put_u32(msg, RTA_TABLE, route->table ? route->table : RT_TABLE_MAIN);
	if (h.rtm_dst_len)
		netlink_put_addr(msg, RTA_DST, &route->to.addr);
	if (route->metric)
		netlink_put_u32(msg, RTA_PRIORITY, route->metric);
	if (route->ifindex)
		netlink_put_u32(msg, RTA_OIF, route->ifindex);
	if (gateway)
		netlink_put_addr(msg, RTA_GATEWAY, &route->gateway);
	return msg;
}

static void queue_new(struct netlink *nl, int flags, const struct route *route)
{
	struct nl_msg *msg = route_request(RTM_NEWROUTE, flags, route);
	struct nlattr *metrics;

	if (!addr_is_zero(&route->source))
		netlink_put_addr(msg, RTA_PREFSRC, &route->source);
	if (route->mtu) {
		metrics = nla_nest_start(msg, RTA_METRICS);
		netlink_put_u32(msg, RTAX_MTU, route->mtu);
		nla_nest_end(msg, metrics);
	}
	netlink_queue(nl, msg, TOLERATE_NONE);
}

void route_add(struct netlink *nl, const struct route *route)
{
	queue_new(nl, NLM_F_CREATE | NLM_F_EXCL, route);
}

void route_replace(struct netlink *nl, const struct route *route)
{
	queue_new(nl, NLM_F_CREATE | NLM_F_REPLACE, route);
}

void route_delete(struct netlink *nl, const struct route *route)
{
	netlink_queue(nl, route_request(RTM_DELROUTE, 0, route), TOLERATE_MISSING);
}

struct routes {
	struct route *list;
	size_t count;
};

static void append(struct routes *all, const struct route *route)
{
	all->list = xgrow(all->list, all->count, sizeof(*all->list));
	all->list[all->count++] = *route;
}

static struct route parse_route(const struct rtmsg *h, struct nlattr *a[RTA_MAX + 1])
{
	enum family family = h->rtm_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	struct route r = {
		.to = { .length = prefix_length(family, h->rtm_dst_len) },
		.type = h->rtm_type,
		.onlink = h->rtm_flags & RTNH_F_ONLINK,
		.table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : h->rtm_table,
	};
	struct nlattr *mtu = NULL;

	if (family == FAMILY_IPV4)
		r.to.addr = (struct addr){ .byte = { [10] = 0xff, [11] = 0xff } };
	if (a[RTA_DST])
		netlink_get_addr(a[RTA_DST], &r.to.addr);
	if (a[RTA_PRIORITY])
		r.metric = nla_get_u32(a[RTA_PRIORITY]);
	/* IPv6 lists unreachable routes with device lo, which was never set. */
	if (a[RTA_OIF] && h->rtm_type == RTN_UNICAST)
		r.ifindex = nla_get_u32(a[RTA_OIF]);
	if (a[RTA_GATEWAY])
		netlink_get_addr(a[RTA_GATEWAY], &r.gateway);
	if (a[RTA_PREFSRC])
		netlink_get_addr(a[RTA_PREFSRC], &r.source);
	if (a[RTA_METRICS])
		mtu = nla_find(nla_data(a[RTA_METRICS]), nla_len(a[RTA_METRICS]), RTAX_MTU);
	if (mtu)
		r.mtu = nla_get_u32(mtu);
	return r;
}

static void append_multipath(struct routes *all, struct route route, struct nlattr *multipath)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath);
	struct nlattr *gateway;

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		gateway = nla_find((struct nlattr *)RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop),
				   RTA_GATEWAY);
		route.ifindex = hop->rtnh_ifindex;
		route.gateway = (struct addr){};
		if (gateway)
			netlink_get_addr(gateway, &route.gateway);
		append(all, &route);
	}
}

static int collect(const struct nlmsghdr *answer, void *arg)
{
	struct nlattr *a[RTA_MAX + 1];
	struct routes *all = arg;
	const struct rtmsg *h;
	struct route route;

	if (!answer) {
		all->count = 0;
		return 0;
	}
	h = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, RTA_MAX, NULL))
		return -EBADMSG;
	route = parse_route(h, a);
	if (route.type != RTN_UNICAST && route.type != RTN_UNREACHABLE)
		return 0;
	if (a[RTA_MULTIPATH])
		append_multipath(all, route, a[RTA_MULTIPATH]);
	else
		append(all, &route);
	return 0;
}

/* @table 0: main; @protocol, @type 0: any. */
static int list_family(struct netlink *nl, int family, uint32_t table, uint8_t protocol, uint8_t type,
		       struct routes *all, struct error *e)
{
	struct rtmsg h = { .rtm_family = family, .rtm_protocol = protocol, .rtm_type = type };
	struct nl_msg *msg = netlink_request(RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h));
	struct routes part = {};
	int err;

	netlink_put_u32(msg, RTA_TABLE, table ? table : RT_TABLE_MAIN);
	err = netlink_ask(nl, msg, collect, &part, e);
	/* The table has no routes, or the kernel has no IPv6. */
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
		err = 0;
	for (size_t i = 0; i < part.count && !err; i++)
		append(all, &part.list[i]);
	free(part.list);
	return err;
}

static int list_families(struct netlink *nl, uint32_t table, uint8_t protocol, uint8_t type,
			 struct route **list, size_t *count, struct error *e)
{
	struct routes all = {};
	int err = list_family(nl, AF_INET, table, protocol, type, &all, e);

	if (!err)
		err = list_family(nl, AF_INET6, table, protocol, type, &all, e);
	if (err) {
		free(all.list);
		all = (struct routes){};
	}
	*list = all.list;
	*count = all.count;
	return err;
}

int route_list(struct netlink *nl, uint32_t table, uint8_t protocol, struct route **list, size_t *count,
	       struct error *e)
{
	return list_families(nl, table, protocol, 0, list, count, e);
}

int route_list_unreachable(struct netlink *nl, uint32_t table, uint8_t protocol, struct route **list,
			   size_t *count, struct error *e)
{
	return list_families(nl, table, protocol, RTN_UNREACHABLE, list, count, e);
}

int route_find_default(struct netlink *nl, uint32_t ifindex, enum family family, bool *found, struct error *e)
{
	struct routes all = {};
	int err = list_family(nl, netlink_af(family), RT_TABLE_MAIN, 0, 0, &all, e);

	*found = false;
	for (const struct route *r = all.list; r < all.list + all.count; r++)
		*found |= !prefix_bits(&r->to) && r->ifindex == ifindex;
	free(all.list);
	return err;
}

int route_default_devices(struct netlink *nl, uint32_t *ifindex, size_t max, size_t *count,
			  struct error *e)
{
	struct route *list;
	size_t n, known;
	int err = route_list(nl, RT_TABLE_MAIN, 0, &list, &n, e);

	*count = 0;
	for (size_t i = 0; i < n && *count < max; i++) {
		if (prefix_bits(&list[i].to) || list[i].type != RTN_UNICAST || !list[i].ifindex)
			continue;
		for (known = 0; known < *count && ifindex[known] != list[i].ifindex; known++)
			;
		if (known == *count)
			ifindex[(*count)++] = list[i].ifindex;
	}
	free(list);
	return err;
}

int route_lookup(struct netlink *nl, const struct addr *addr, struct route *route, struct error *e)
{
	struct rtmsg h = {
		.rtm_family = netlink_af(addr_family(addr)),
		.rtm_dst_len = addr_is_ipv4(addr) ? 32 : 128,
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	struct nl_msg *msg = netlink_request(RTM_GETROUTE, 0, &h, sizeof(h));
	struct routes found = {};
	int err;

	netlink_put_addr(msg, RTA_DST, addr);
	err = netlink_ask(nl, msg, collect, &found, e);
	/* Local, blackhole and prohibit routes forward nothing. */
	if (!err && !found.count)
		err = error_set(e, -ENETUNREACH, "route: no route to destination");
	if (!err)
		*route = found.list[0];
	free(found.list);
	return err;
}

int route_is_onlink(struct netlink *nl, const struct addr *gateway, uint32_t *ifindex,
		    struct error *e)
{
	struct route route;
	int err = route_lookup(nl, gateway, &route, e);

	if (err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL)
		return 0;
	if (err)
		return err;
	*ifindex = route.ifindex;
	return route.type == RTN_UNICAST && addr_is_zero(&route.gateway);
}

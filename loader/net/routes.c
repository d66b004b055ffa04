// SPDX-License-Identifier: GPL-2.0-only
/* Reconciles the kernel's routes of protocol 112 with the expected ones. */
#include <stdlib.h>

#include "loader/base/memory.h"
#include "loader/net/routes.h"

#define IPV6_DEFAULT_METRIC 1024

enum routes_kind routes_kind(const struct route *route)
{
	if (route->type == RTN_UNREACHABLE)
		return ROUTES_BLOCKS;
	return addr_is_zero(&route->gateway) ? ROUTES_ENDPOINTS : ROUTES_NODES;
}

struct route route_endpoint(uint32_t ifindex, const struct addr *ip, bool is_block)
{
	return (struct route){
		.to = { .addr = *ip, .length = 128 },
		.type = RTN_UNICAST,
		.ifindex = ifindex,
		.metric = is_block ? ROUTE_BLOCK_POD_METRIC : 0,
	};
}

static uint32_t metric_of(const struct route *r)
{
	return r->metric || prefix_family(&r->to) == FAMILY_IPV4 ? r->metric : IPV6_DEFAULT_METRIC;
}

/* Two routes with the same key are the same entry of a table. */
static int compare_key(const struct route *a, const struct route *b)
{
	int order = prefix_compare(&a->to, &b->to);
	uint32_t x = metric_of(a), y = metric_of(b);

	return order ? order : (x > y) - (x < y);
}

static int compare(const void *a, const void *b)
{
	return compare_key(a, b);
}

static bool is_correct(const struct route *has, const struct route *want)
{
	return has->type == want->type && has->onlink == want->onlink && has->mtu == want->mtu &&
	       (!want->ifindex || has->ifindex == want->ifindex) &&
	       !addr_compare(&has->gateway, &want->gateway) &&
	       !addr_compare(&has->source, &want->source);
}

/* Keeps only the routes of @kinds, sorted. Returns their number. */
static size_t select_kinds(struct route *list, size_t count, unsigned int kinds)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (routes_kind(&list[i]) & kinds)
			list[n++] = list[i];
	if (n)
		qsort(list, n, sizeof(*list), compare);
	return n;
}

/* Walks both sorted lists in parallel. */
static void walk(const struct route *want, size_t wants, const struct route *has, size_t count,
		 void (*fn)(const struct route *route, enum routes_state state, void *arg),
		 void *arg)
{
	size_t at = 0;

	for (size_t i = 0; i < wants; i++) {
		enum routes_state state = ROUTES_MISSING;

		if (i && !compare_key(&want[i - 1], &want[i]))
			continue;
		while (at < count && compare_key(&has[at], &want[i]) < 0)
			fn(&has[at++], ROUTES_SURPLUS, arg);
		for (; at < count && !compare_key(&has[at], &want[i]); at++) {
			/* more than one can only be an IPv6 route of several gateways */
			if (state != ROUTES_MISSING)
				fn(&has[at], ROUTES_SURPLUS, arg);
			else
				state = is_correct(&has[at], &want[i]) ? ROUTES_OK
									 : ROUTES_DIFFERENT;
		}
		fn(&want[i], state, arg);
	}
	while (at < count)
		fn(&has[at++], ROUTES_SURPLUS, arg);
}

int routes_compare(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *expected,
		   size_t count,
		   void (*fn)(const struct route *route, enum routes_state state, void *arg),
		   void *arg, struct error *e)
{
	struct route *has;
	size_t n;
	int err = (kinds == ROUTES_BLOCKS ? route_list_unreachable : route_list)(nl, table, ROUTE_PROTOCOL, &has,
										&n, e);

	if (err)
		return err;
	n = select_kinds(has, n, kinds);
	count = select_kinds(expected, count, kinds);
	walk(expected, count, has, n, fn, arg);
	free(has);
	return 0;
}

struct reconciliation {
	struct netlink *nl;
	struct routes_change change;
	struct route *surplus;
};

static void reconcile_one(const struct route *route, enum routes_state state, void *arg)
{
	struct reconciliation *r = arg;

	switch (state) {
	case ROUTES_OK:
		r->change.kept++;
		break;
	case ROUTES_MISSING:
		route_add(r->nl, route);
		r->change.added++;
		break;
	case ROUTES_DIFFERENT:
		route_replace(r->nl, route);
		r->change.added++;
		break;
	case ROUTES_SURPLUS:
		r->surplus = xgrow(r->surplus, r->change.removed, sizeof(*r->surplus));
		r->surplus[r->change.removed++] = *route;
	}
}

int routes_reconcile(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *expected,
		     size_t count, struct routes_change *change, struct error *e)
{
	struct reconciliation r = { .nl = nl };
	int err = routes_compare(nl, table, kinds, expected, count, reconcile_one, &r, e);

	/* Additions come first, so no destination is without its route meanwhile. */
	for (size_t i = 0; i < r.change.removed; i++)
		route_delete(nl, &r.surplus[i]);
	free(r.surplus);
	if (change)
		*change = r.change;
	return err ? err : netlink_flush(nl, e);
}

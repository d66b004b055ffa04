// SPDX-License-Identifier: GPL-2.0-only
/* The difference between the kernel's routes of ours and the wanted ones, as requests. */
#include <stdlib.h>

#include "loader/routes.h"

#define IPV6_DEFAULT_METRIC 1024

enum routes_kind routes_kind(const struct route *route)
{
	if (route->type == RTN_UNREACHABLE)
		return ROUTES_BLOCKS;
	return addr_is_zero(&route->gateway) ? ROUTES_ENDPOINTS : ROUTES_NODES;
}

static uint32_t metric_of(const struct route *r)
{
	return r->metric || prefix_family(&r->to) == FAMILY_IPV4 ? r->metric : IPV6_DEFAULT_METRIC;
}

/* What makes two routes the same entry of a table. */
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

static bool is_as_wanted(const struct route *has, const struct route *want)
{
	return has->type == want->type && has->onlink == want->onlink && has->mtu == want->mtu &&
	       (!want->ifindex || has->ifindex == want->ifindex) &&
	       !addr_compare(&has->gateway, &want->gateway) &&
	       !addr_compare(&has->source, &want->source);
}

/* Keeps the routes of @kinds, sorted. Returns how many. */
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

/* Queues what lacks or differs, and marks in @surplus what the kernel has too much. */
static void queue_missing(struct netlink *nl, const struct route *want, size_t wants,
			  const struct route *has, size_t count, bool *surplus,
			  struct routes_change *change)
{
	size_t at = 0;

	for (size_t i = 0; i < wants; i++) {
		bool found = false, same = false;

		if (i && !compare_key(&want[i - 1], &want[i]))
			continue;
		while (at < count && compare_key(&has[at], &want[i]) < 0)
			surplus[at++] = true;
		for (; at < count && !compare_key(&has[at], &want[i]); at++) {
			/* more than one can only be an IPv6 route of several gateways */
			surplus[at] = found;
			same = same || (!found && is_as_wanted(&has[at], &want[i]));
			found = true;
		}
		if (same) {
			change->kept++;
			continue;
		}
		if (found)
			route_replace(nl, &want[i]);
		else
			route_add(nl, &want[i]);
		change->added++;
	}
	while (at < count)
		surplus[at++] = true;
}

int routes_reconcile(struct netlink *nl, uint32_t table, unsigned int kinds, struct route *wanted,
		     size_t count, struct routes_change *change, struct error *e)
{
	struct routes_change ignored, *c = change ? change : &ignored;
	struct route *has;
	size_t n;
	bool *surplus;
	int err = route_list(nl, table, ROUTE_PROTOCOL, &has, &n, e);

	*c = (struct routes_change){};
	if (err)
		return err;
	n = select_kinds(has, n, kinds);
	count = select_kinds(wanted, count, kinds);
	surplus = calloc(n + 1, sizeof(*surplus));
	if (!surplus)
		abort();
	/* what is new goes in first: no destination is without its route meanwhile */
	queue_missing(nl, wanted, count, has, n, surplus, c);
	for (size_t i = 0; i < n; i++) {
		if (!surplus[i])
			continue;
		route_delete(nl, &has[i]);
		c->removed++;
	}
	free(surplus);
	free(has);
	return netlink_flush(nl, e);
}

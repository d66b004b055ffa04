// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's routes: one unreachable per block, one per pod, and those to other nodes' blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/derive/derive.h"
#include "loader/net/link.h"

/* Worse metric than any static or BGP route; a pod's own route is longer or has no metric. */
#define BLOCK_ROUTE_METRIC 1048576

struct route_list {
	struct route *routes;
	size_t count;
};

static struct route *append(struct route_list *list, const struct prefix *to)
{
	list->routes = xgrow(list->routes, list->count, sizeof(*list->routes));
	list->routes[list->count] = (struct route){ .to = *to, .type = RTN_UNICAST };
	return &list->routes[list->count++];
}

/*
 * Whether the block's route would come before the kernel's way to something else: a subnet that the block
 * is in, or another host in the block. What is local is found before.
 */
static bool is_in_the_way(const struct state *s, const struct prefix *block)
{
	for (size_t i = 0; i < s->exclusions.count; i++) {
		const struct exclusion *x = &s->exclusions.list[i];

		if (prefix_overlaps(&x->prefix, block) && x->kind != EXCLUDED_LOCAL &&
		    (x->kind != EXCLUDED_SUBNET || prefix_covers(&x->prefix, block)))
			return true;
	}
	return false;
}

bool block_route(const struct state *s, const struct prefix *block, struct route *route)
{
	*route = (struct route){ .to = *block, .type = RTN_UNREACHABLE, .metric = BLOCK_ROUTE_METRIC };
	return !is_in_the_way(s, block);
}

static void expected_blocks(const struct state *s, struct route_list *list)
{
	struct route route;

	for (size_t i = 0; i < s->block_count; i++)
		if (block_route(s, &s->blocks[i].block.prefix, &route))
			*append(list, &route.to) = route;
}

/* Its interface was removed by somebody; gc will free the lease. */
static bool is_gone(const struct netlink *nl, const struct lease *l)
{
	char name[IFNAMSIZ];

	return !link_name(nl, l->ifindex, name);
}

static int expected_endpoints(struct context *node, struct netlink *nl, struct route_list *list,
			      struct error *e)
{
	struct lease_entry *leases;
	size_t count;
	int err = ipam_leases(&node->pins, &leases, &count, e);

	if (err)
		return err;
	for (size_t i = 0; i < count && node->config.endpoint_routes; i++) {
		const struct lease *l = &leases[i].lease;

		if (l->state != LEASE_BOUND || is_gone(nl, l))
			continue;
		for (int f = 0; f < FAMILIES; f++) {
			struct prefix to = prefix_of(&l->ip[f].address, 128);

			if (!l->ip[f].block)
				continue;
			*append(list, &to) = route_endpoint(l->ifindex, &to.addr,
							    ipam_is_block(&node->pins, &l->ip[f]));
		}
	}
	free(leases);
	return 0;
}

/* What can be routed is; of the first claim that cannot be the sentence tells (ROUTES_UNREACHABLE). */
static int expected_nodes(const struct sources *x, struct route_list *list, struct error *e)
{
	const struct state *s = x->state;
	char text[PREFIX_TEXT], hop[ADDR_TEXT];
	int first = 0;

	for (size_t i = 0; i < s->claim_count && x->options->auto_direct_node_routes; i++) {
		const struct claim *c = &s->claims[i];
		uint32_t ifindex;
		struct route *r;

		if (addr_is_zero(&c->next_hop))
			continue;
		ifindex = state_claim_hop(s, x->nl, c);
		if (ifindex) {
			r = append(list, &c->prefix);
			r->gateway = c->next_hop;
			r->ifindex = ifindex;
		} else if (!x->options->direct_routing_skip_unreachable && !first) {
			first = error_set(e, ROUTES_UNREACHABLE,
					  "node %s: no direct route to %s: %s is not on a common link; set direct-routing-skip-unreachable=true and route it by BGP",
					  c->node, prefix_format(&c->prefix, text),
					  addr_format(&c->next_hop, hop));
		}
	}
	return first;
}

static int reconcile(const struct sources *x, enum routes_kind kind, struct route_list *list, int err,
		     unsigned int *changes, struct error *e)
{
	struct routes_change change = {};
	struct error later;
	int late = routes_reconcile(x->nl, 0, kind, list->routes, list->count, &change, &later);

	if (changes)
		*changes += change.added + change.removed;
	free(list->routes);
	if (err < 0 || !late)
		return err;
	if (e)
		*e = later;
	return late;
}

int sync_block_routes(const struct sources *x, unsigned int *changes, struct error *e)
{
	struct route_list list = {};

	expected_blocks(x->state, &list);
	return reconcile(x, ROUTES_BLOCKS, &list, 0, changes, e);
}

int sync_endpoint_routes(const struct sources *x, struct error *e)
{
	struct route_list list = {};
	int err = expected_endpoints(x->node, x->nl, &list, e);

	return err ? err : reconcile(x, ROUTES_ENDPOINTS, &list, 0, NULL, e);
}

/* Pods' routes while pods come and go. */
struct pod_routes {
	struct netlink *nl;
	struct route_list surplus;
	unsigned int changes;
};

static void restore_route(const struct route *route, enum routes_state state, void *arg)
{
	struct pod_routes *r = arg;

	if (state == ROUTES_OK)
		return;
	if (state == ROUTES_SURPLUS) {
		*append(&r->surplus, &route->to) = *route;
		return;
	}
	route_replace(r->nl, route);
	r->changes++;
}

static bool has_lease(const struct lease_entry *leases, size_t count, const struct addr *ip)
{
	for (size_t i = 0; i < count; i++)
		for (int f = 0; f < FAMILIES; f++)
			if (!addr_compare(&leases[i].lease.ip[f].address, ip))
				return true;
	return false;
}

/* A pod in the making has its lease before its route, so the leases are read after the routes. */
static int remove_surplus(struct context *node, struct pod_routes *r, struct error *e)
{
	struct lease_entry *leases;
	size_t count;
	int err = r->surplus.count ? ipam_leases(&node->pins, &leases, &count, e) : 0;

	if (err || !r->surplus.count)
		return err;
	for (size_t i = 0; i < r->surplus.count; i++) {
		if (has_lease(leases, count, &r->surplus.routes[i].to.addr))
			continue;
		route_delete(r->nl, &r->surplus.routes[i]);
		r->changes++;
	}
	free(leases);
	return 0;
}

static int restore_pod_routes(struct context *node, struct pod_routes *r, struct error *e)
{
	struct route_list list = {};
	int err = expected_endpoints(node, r->nl, &list, e);

	if (!err)
		err = routes_compare(r->nl, 0, ROUTES_ENDPOINTS, list.routes, list.count,
				     restore_route, r, e);
	if (!err)
		err = remove_surplus(node, r, e);
	free(list.routes);
	free(r->surplus.routes);
	return err ? err : netlink_flush(r->nl, e);
}

int sync_pod_routes(const struct sources *x, unsigned int *changes, struct error *e)
{
	int err = -1;

	/* a pod that went meanwhile made the first try fail */
	for (int tries = 0; tries < 2 && err; tries++) {
		struct pod_routes r = { .nl = x->nl };

		err = restore_pod_routes(x->node, &r, e);
		if (!err && changes)
			*changes += r.changes;
	}
	return err;
}

int sync_node_routes(const struct sources *x, unsigned int *changes, struct error *e)
{
	struct route_list list = {};
	int err = expected_nodes(x, &list, e);

	return reconcile(x, ROUTES_NODES, &list, err, changes, e);
}

static const struct claim *find_claim(const struct claim *claims, size_t count,
				      const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&claims[i].prefix, prefix))
			return &claims[i];
	return NULL;
}

static bool has_route(const struct route_list *list, const struct prefix *to)
{
	for (size_t i = 0; i < list->count; i++)
		if (prefix_equal(&list->routes[i].to, to))
			return true;
	return false;
}

int sync_claim_routes(const struct sources *x, const struct claim *before, size_t before_count,
		      struct error *e)
{
	struct route_list list = {};
	struct error later;
	int err = expected_nodes(x, &list, e), late;

	for (size_t i = 0; i < list.count; i++) {
		const struct claim *old = find_claim(before, before_count, &list.routes[i].to);
		const struct route_list seen = { list.routes, i };

		if (has_route(&seen, &list.routes[i].to))
			continue; /* a node may list a block twice */
		if (!old || addr_is_zero(&old->next_hop))
			route_add(x->nl, &list.routes[i]);
		else if (addr_compare(&old->next_hop, &list.routes[i].gateway))
			route_replace(x->nl, &list.routes[i]);
	}
	for (size_t i = 0; i < before_count && x->options->auto_direct_node_routes; i++)
		if (!addr_is_zero(&before[i].next_hop) && !has_route(&list, &before[i].prefix))
			route_delete(x->nl, &(struct route){ .to = before[i].prefix, .type = RTN_UNICAST,
							  .gateway = before[i].next_hop });
	free(list.routes);
	late = netlink_flush(x->nl, &later);
	if (late && e)
		*e = later;
	return late ? late : err;
}

int derived_routes_compare(const struct sources *x,
			   void (*fn)(const struct route *route, enum routes_state state, void *arg),
			   void *arg, struct error *e)
{
	struct route_list list = {};
	int err = expected_endpoints(x->node, x->nl, &list, e);

	expected_blocks(x->state, &list);
	expected_nodes(x, &list, NULL); /* a block without a route has none to compare */
	if (!err)
		err = routes_compare(x->nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES, list.routes,
				     list.count, fn, arg, e);
	free(list.routes);
	return err;
}

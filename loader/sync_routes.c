// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's routes: one unreachable per block, one per pod, and those to other nodes' blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/map.h"
#include "loader/routes.h"
#include "loader/sync_parts.h"

/* Behind any route that a person or BGP gives; a pod's own route is longer or has no metric. */
#define BLOCK_ROUTE_METRIC 1048576

int sync_block_routes(const struct facts *facts, struct netlink *nl, struct error *e)
{
	struct route *wanted = xcalloc(facts->block_count, sizeof(*wanted));
	int err;

	for (size_t i = 0; i < facts->block_count; i++) {
		wanted[i].to = facts->blocks[i].block.prefix;
		wanted[i].type = RTN_UNREACHABLE;
		wanted[i].metric = BLOCK_ROUTE_METRIC;
	}
	err = routes_reconcile(nl, 0, ROUTES_BLOCKS, wanted, facts->block_count, NULL, e);
	free(wanted);
	return err;
}

int sync_endpoint_routes(struct node *node, struct netlink *nl, struct error *e)
{
	struct lease_entry *leases;
	struct route *wanted;
	size_t count, n = 0;
	int err = ipam_leases(&node->pins, &leases, &count, e);

	if (err)
		return err;
	wanted = xcalloc(count * FAMILIES, sizeof(*wanted));
	for (size_t i = 0; i < count && node->config.endpoint_routes; i++) {
		const struct lease *l = &leases[i].lease;

		for (int f = 0; f < FAMILIES && l->state == LEASE_BOUND; f++) {
			if (!l->ip[f].block)
				continue;
			wanted[n].to = prefix_of(&l->ip[f].address, 128);
			wanted[n].type = RTN_UNICAST;
			wanted[n].ifindex = l->ifindex;
			wanted[n++].source = node->config.address[f];
		}
	}
	err = routes_reconcile(nl, 0, ROUTES_ENDPOINTS, wanted, n, NULL, e);
	free(wanted);
	free(leases);
	return err;
}

int sync_node_routes(const struct facts *facts, const struct options *options, struct netlink *nl,
		     struct error *e)
{
	struct route *wanted = xcalloc(facts->claim_count, sizeof(*wanted));
	char text[PREFIX_TEXT], hop[ADDR_TEXT];
	size_t n = 0;
	int err, first = 0;

	for (size_t i = 0; i < facts->claim_count && options->auto_direct_node_routes; i++) {
		const struct claim *c = &facts->claims[i];
		uint32_t ifindex = 0;
		int onlink;

		if (addr_is_zero(&c->next_hop))
			continue;
		onlink = route_is_onlink(nl, &c->next_hop, &ifindex, NULL);
		if (onlink > 0) {
			wanted[n].to = c->prefix;
			wanted[n].type = RTN_UNICAST;
			wanted[n].gateway = c->next_hop;
			wanted[n++].ifindex = ifindex;
		} else if (!options->direct_routing_skip_unreachable && !first) {
			first = error_set(e, -EHOSTUNREACH,
					  "node %s: no direct route to %s: %s is not on a common link; set direct-routing-skip-unreachable=true and route it by BGP",
					  c->node, prefix_format(&c->prefix, text), addr_format(&c->next_hop, hop));
		}
	}
	err = routes_reconcile(nl, 0, ROUTES_NODES, wanted, n, NULL, first ? NULL : e);
	free(wanted);
	return first ? first : err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Brings what is derived up to date, and notes in pp_config of which generation it is. */
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/list.h"
#include "loader/blocks/blocks.h"
#include "loader/blocks/sync.h"
#include "loader/derive/parts.h"

int facts_read(struct node *node, struct facts *facts, struct error *e)
{
	struct ipam ipam;
	int err;

	memset(facts, 0, sizeof(*facts));
	err = ipam_read(&node->pins, &ipam, e);
	if (!err)
		err = ipam_pools(&node->pins, &facts->pools, &facts->pool_count, e);
	if (!err)
		err = ipam_blocks(&node->pins, &facts->blocks, &facts->block_count, e);
	if (!err)
		err = store_list(&node->pins, OBJECT_NODE, &facts->nodes, &facts->node_count, e);
	if (err) {
		facts_free(facts);
		return err;
	}
	facts->generation = ipam.generation;
	for (size_t i = 0; i < facts->node_count; i++)
		if (strcmp(facts->nodes[i].name, node->config.node))
			claims_of(facts->nodes[i].json, node->config.default_pool_name, &facts->claims,
				  &facts->claim_count);
	return 0;
}

void facts_free(struct facts *facts)
{
	free(facts->pools);
	free(facts->blocks);
	free(facts->claims);
	excluded_free(&facts->exclusions);
	stored_free(facts->nodes, facts->node_count);
	memset(facts, 0, sizeof(*facts));
}

static int keep(int first, int err)
{
	return first ? first : err;
}

/* The rest of the configuration may have been changed by `gc` since it was read. */
static int note_synced(struct node *node, uint64_t generation, struct error *e)
{
	struct node now = *node;
	int err = node_read_config(&now, e);

	now.config.synced = node->config.synced = generation;
	if (!err)
		err = node_write_config(&now, e);
	node->pins = now.pins; /* what was opened meanwhile */
	return err;
}

int sync_blocks(struct node *node, struct error *e)
{
	struct options options = {};
	struct netlink *nl = NULL;
	struct facts facts;
	int err = facts_read(node, &facts, e);

	if (err)
		return err;
	err = node_options(node, &options, e);
	if (!err)
		err = netlink_open(&nl, -1, e);
	if (!err)
		err = sync_cidrs(node, &facts, e);
	if (!err)
		err = sync_ranges(node, &facts, nl, e);
	if (!err)
		err = sync_nomasq(node, &facts, &options, nl, e);
	if (!err)
		err = facts_exclusions(&facts, nl, e);
	if (!err)
		err = sync_excluded(node, &facts, e);
	if (!err)
		err = sync_block_routes(&facts, nl, NULL, e);
	if (!err)
		err = note_synced(node, facts.generation, e);
	/* what is held was listed before: a list with too much is for gc and `status` */
	if (!err)
		block_list_write(node, NULL, NULL);
	netlink_close(nl);
	options_free(&options);
	facts_free(&facts);
	return err;
}

int sync_hosts(struct node *node, struct netlink *nl, struct error *e)
{
	struct facts facts = {};
	int err = root_lock_derived(&node->pins.root);

	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	err = facts_read(node, &facts, e);
	if (!err)
		err = facts_exclusions(&facts, nl, e);
	if (!err)
		err = sync_excluded(node, &facts, e);
	if (!err)
		err = sync_block_routes(&facts, nl, NULL, e);
	root_unlock_derived(&node->pins.root);
	facts_free(&facts);
	return err;
}

int sync_host(struct node *node, const struct options *options, struct netlink *nl,
	      unsigned int *changes, struct error *e)
{
	struct facts facts;
	int err = facts_read(node, &facts, e), first;

	if (err)
		return err;
	first = facts_exclusions(&facts, nl, e);
	first = keep(first, sync_excluded(node, &facts, first ? NULL : e));
	/* the node's own addresses are in both */
	first = keep(first, sync_ranges(node, &facts, nl, first ? NULL : e));
	first = keep(first, sync_nomasq(node, &facts, options, nl, first ? NULL : e));
	first = keep(first, sync_block_routes(&facts, nl, changes, first ? NULL : e));
	first = keep(first, sync_pod_routes(node, nl, changes, first ? NULL : e));
	first = keep(first, sync_node_routes(&facts, options, nl, changes, first ? NULL : e));
	facts_free(&facts);
	return first == ROUTES_UNREACHABLE ? 0 : first;
}

int sync_all(struct node *node, const struct options *options, struct error *e)
{
	struct netlink *nl = NULL;
	struct facts facts;
	int err = facts_read(node, &facts, e), first, routes;

	if (err)
		return err;
	err = netlink_open(&nl, -1, e);
	if (err) {
		facts_free(&facts);
		return err;
	}
	/* one part's failure is no reason to leave the others stale */
	first = facts_exclusions(&facts, nl, e);
	first = keep(first, sync_excluded(node, &facts, first ? NULL : e));
	first = keep(first, sync_cidrs(node, &facts, first ? NULL : e));
	first = keep(first, sync_ranges(node, &facts, nl, first ? NULL : e));
	first = keep(first, sync_nomasq(node, &facts, options, nl, first ? NULL : e));
	first = keep(first, sync_block_routes(&facts, nl, NULL, first ? NULL : e));
	first = keep(first, sync_endpoint_routes(node, nl, first ? NULL : e));
	routes = sync_node_routes(&facts, options, nl, NULL, first ? NULL : e);
	first = keep(first, routes < 0 ? routes : 0);
	if (!first)
		first = note_synced(node, facts.generation, e);
	if (!first && block_list_write(node, NULL, e))
		first = BLOCKS_UNLISTED;
	netlink_close(nl);
	facts_free(&facts);
	return first ? first : routes;
}

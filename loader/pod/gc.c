// SPDX-License-Identifier: GPL-2.0-only
/* Garbage of crashes and administrators: leases without interface, interfaces without lease. */
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/blocks.h"
#include "loader/ipam/transactions.h"
#include "loader/pod/pod.h"
#include "loader/pod/follow.h"
#include "loader/pod/link_list.h"
#include "loader/base/process.h"
#include "loader/blocks/sync.h"

bool pod_is_abandoned(struct context *node, const struct lease_entry *l)
{
	struct lease now;

	if (l->lease.state != LEASE_RESERVED ||
	    process_alive(l->lease.creator_pid, l->lease.creator_start))
		return false;
	/* The process may have completed its lease after @l was read. */
	return !ipam_lease_read(&node->pins, &l->owner, &now) && now.state == LEASE_RESERVED &&
	       now.generation == l->lease.generation;
}

static bool is_lost(struct context *node, struct netlink *nl, const struct lease_entry *l)
{
	switch (l->lease.state) {
	case LEASE_RESERVED:
		return pod_is_abandoned(node, l);
	case LEASE_DYING:
		return true;
	case LEASE_BOUND:
		return !pod_link_exists(nl, l);
	default:
		return false;
	}
}

/* An orphaned interface. One without alias may still be in the making: its name is free. */
static int orphan_remove(struct context *node, struct netlink *nl, const struct pod_link_entry *link,
			 unsigned int *freed, struct error *e)
{
	struct lease lease;
	int err;

	if (link->kind != POD_LINK_COMPLETE || (!ipam_lease_read(&node->pins, &link->alias.owner, &lease) &&
			     lease.generation >= link->alias.generation))
		return 0;
	err = pod_link_delete(nl, link->alias.owner.id, link->alias.owner.ifname, link->ifindex, e);
	*freed += !err;
	return err;
}

int pod_gc(struct context *node, struct netlink *nl, unsigned int *freed, struct error *e)
{
	struct pod_link_entry *links = NULL;
	struct lease_entry *leases = NULL;
	size_t link_count, lease_count;
	int err = pod_repair(node, e);

	*freed = 0;
	if (!err)
		err = sync_hosts(node, nl, e);
	/* Leases are read first: the list of links then includes a pod that is created meanwhile. */
	if (!err)
		err = ipam_leases(&node->pins, &leases, &lease_count, e);
	if (!err)
		err = pod_link_list_others(nl, leases, lease_count, &links, &link_count, e);
	for (size_t i = 0; !err && i < lease_count; i++) {
		if (!is_lost(node, nl, &leases[i]))
			continue;
		err = pod_teardown(node, nl, &leases[i].owner, leases[i].lease.generation, e);
		*freed += !err;
	}
	for (size_t i = 0; !err && i < link_count; i++)
		err = orphan_remove(node, nl, &links[i], freed, e);
	free(links);
	if (!err)
		err = pod_follow_some(node, nl, leases, lease_count, e);
	free(leases);
	if (!err)
		err = blocks_retire_all(node, e);
	ipam_pending_count(&node->pins, "", FAMILY_IPV4); /* removes the expired */
	if (!err)
		err = blocks_balance_all(node, true, e);
	return err < 0 ? err : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* pinpool down: the uplinks let go; --all: nothing of pinpool stays but the pods' interfaces. */
#include <getopt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/cmd/cmd.h"
#include "loader/host/sysctls.h"
#include "loader/ipam/transactions.h"
#include "loader/net/routes.h"
#include "loader/net/tc.h"
#include "loader/host/uplink.h"

/* Noted first: `gc` must not attach again what is detached here. */
static int detach_uplinks(struct node *node, struct netlink *nl, struct error *e)
{
	int err;

	node->config.down = true;
	err = node_write_config(node, e);
	return err ? err : uplinks_detach(node, nl, e);
}

static int detach_pods(struct node *node, struct netlink *nl, struct error *e)
{
	struct lease_entry *leases;
	size_t count;
	int err = ipam_leases(&node->pins, &leases, &count, e);

	for (size_t i = 0; !err && i < count; i++)
		if (leases[i].lease.state == LEASE_BOUND)
			err = tc_detach_pod(nl, leases[i].lease.ifindex, e);
	free(leases);
	return err;
}

static int remove_all(struct node *node, struct netlink *nl, struct error *e)
{
	int err = detach_pods(node, nl, e);

	if (!err)
		err = routes_reconcile(nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES, NULL, 0, NULL,
				       e);
	if (!err)
		err = host_restore(node, e);
	return err ? err : root_remove(&node->pins.root, e);
}

int cmd_down(const struct globals *g, int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' }, {} };
	struct netlink *nl = NULL;
	bool all = false;
	struct node node;
	struct error e;
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'a')
			return EXIT_USAGE;
		all = true;
	}
	if (optind != argc)
		return usage_error("down", "unexpected argument \"%s\"", argv[optind]);
	if (node_open(&node, g->root, ROOT_EXCLUSIVE, &e)) {
		/* nothing is up, or a killed `up` left half a root: down is what was asked for */
		pins_init(&node.pins);
		if (root_init(&node.pins.root, g->root, &e))
			return fail(&e);
		err = root_open(&node.pins.root, ROOT_EXCLUSIVE, &e);
		if (!err && all)
			err = root_remove(&node.pins.root, &e);
		node_close(&node);
		return err && err != -ENOENT ? fail(&e) : EXIT_DONE;
	}
	err = node_check_netns(&node, &e);
	if (!err)
		err = netlink_open(&nl, -1, &e);
	if (!err)
		err = detach_uplinks(&node, nl, &e);
	if (!err && all)
		err = remove_all(&node, nl, &e);
	netlink_close(nl);
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

// SPDX-License-Identifier: GPL-2.0-only
/* A node taken down. */
#include <errno.h>
#include <stdlib.h>

#include "loader/host/sysctls.h"
#include "loader/host/uplink.h"
#include "loader/ipam/transactions.h"
#include "loader/net/routes.h"
#include "loader/net/tc.h"
#include "loader/node/node.h"
#include "loader/services/sockets.h"

/* Noted first: `gc` must not attach again what is detached here. */
static int detach_uplinks(struct context *node, struct netlink *nl, struct error *e)
{
	int err;

	node->config.down = true;
	err = context_write_config(node, e);
	if (err)
		return err;
	sockets_detach(node);
	return uplinks_detach(node, nl, e);
}

static int detach_pods(struct context *node, struct netlink *nl, struct error *e)
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

static int remove_all(struct context *node, struct netlink *nl, struct error *e)
{
	int err = detach_pods(node, nl, e);

	if (!err)
		err = routes_reconcile(nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES, NULL, 0, NULL,
				       e);
	if (!err)
		err = host_restore(node, e);
	return err ? err : root_remove(&node->pins.root, e);
}

/* Nothing is up, or a killed `up` left a part of a root. */
static int remove_remains(const char *path, bool all, struct error *e)
{
	struct pins pins;
	int err;

	pins_init(&pins);
	err = root_init(&pins.root, path, e);
	if (!err)
		err = root_open(&pins.root, ROOT_EXCLUSIVE, e);
	if (!err && all)
		err = root_remove(&pins.root, e);
	pins_close(&pins);
	return err == -ENOENT ? 0 : err;
}

int node_down(const char *root, bool all, struct error *e)
{
	struct netlink *nl = NULL;
	struct context node;
	int err;

	if (context_open(&node, root, ROOT_EXCLUSIVE, e))
		return remove_remains(root, all, e);
	err = context_check_netns(&node, e);
	if (!err)
		err = netlink_open(&nl, -1, e);
	if (!err)
		err = detach_uplinks(&node, nl, e);
	if (!err && all)
		err = remove_all(&node, nl, e);
	netlink_close(nl);
	context_close(&node);
	return err;
}

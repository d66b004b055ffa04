// SPDX-License-Identifier: GPL-2.0-only
/* pinpool gc: frees what crashes and administrators left behind; does what pods had no time for. */
#include <stdio.h>

#include "loader/cmd.h"
#include "loader/pod.h"

int cmd_gc(const struct globals *g, int argc, char **argv)
{
	struct netlink *nl = NULL;
	unsigned int freed = 0;
	struct node node;
	struct error e;
	int err;

	if (argc != 1)
		return usage_error("gc", "unexpected argument \"%s\"", argv[1]);
	if (!open_node(&node, g, ROOT_SHARED, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err)
		err = pod_gc(&node, nl, &freed, &e);
	if (!err)
		err = pod_promote(&node, nl, &e);
	netlink_close(nl);
	node_close(&node);
	if (err)
		return fail(&e);
	printf("%u freed\n", freed);
	return EXIT_DONE;
}

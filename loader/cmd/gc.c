// SPDX-License-Identifier: GPL-2.0-only
/* pinpool gc: frees what crashes and administrators left behind; does what pods had no time for. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/blocks/list.h"
#include "loader/cmd/cmd.h"
#include "loader/kernel/flows.h"
#include "loader/pod/pod.h"

/* Most pods are gone before: those must go fast (tc.h). */
#define TCX_AFTER 600

static int parse(int argc, char **argv, unsigned int *age)
{
	static const struct option options[] = { { "tcx-after", required_argument, NULL, 't' }, {} };
	unsigned long seconds;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 't')
			return EXIT_USAGE;
		errno = 0;
		seconds = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end || errno || seconds > UINT_MAX)
			return usage_error("gc", "--tcx-after \"%s\": not a number of seconds", optarg);
		*age = seconds;
	}
	return optind == argc ? EXIT_DONE :
				usage_error("gc", "unexpected argument \"%s\"", argv[optind]);
}

int cmd_gc(const struct globals *g, int argc, char **argv)
{
	unsigned int age = TCX_AFTER;
	struct netlink *nl = NULL;
	unsigned int freed = 0, flows;
	struct node node;
	struct error e;
	int err = parse(argc, argv, &age);

	if (err)
		return err;
	if (!open_node(&node, g, ROOT_SHARED, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err)
		err = pod_gc(&node, nl, &freed, &e);
	if (!err)
		err = block_list_catch_up(&node, &e);
	if (!err)
		err = pod_promote(&node, nl, age, &e);
	if (!err)
		err = flows_end_stale(&node.pins, nl, &flows, &e);
	netlink_close(nl);
	node_close(&node);
	if (err)
		return fail(&e);
	printf("%u freed\n", freed);
	return EXIT_DONE;
}

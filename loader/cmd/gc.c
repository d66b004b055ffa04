// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinpool gc: frees what crashes and administrators left behind, follows the host, does what pods had
 * no time for.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/blocks/list.h"
#include "loader/cmd/cmd.h"
#include "loader/kernel/flows.h"
#include "loader/pod/pod.h"
#include "loader/host/repair.h"

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

/* What could not be repaired is printed and does not stop the rest. */
static int repair(struct node *node, struct netlink *nl)
{
	struct repair r;

	if (repair_node(node, nl, &r))
		for (int part = 0; part < REPAIR_PARTS; part++)
			if (r.failed[part])
				fail(&r.errors[part]);
	if (r.changes)
		printf("%u repaired\n", r.changes);
	for (int part = 0; part < REPAIR_PARTS; part++)
		if (r.failed[part])
			return EXIT_FAILED;
	return EXIT_DONE;
}

/* The first error is kept, the other parts go on. */
static int collect(struct node *node, struct netlink *nl, unsigned int age)
{
	unsigned int freed = 0, flows;
	struct error e;
	int status = EXIT_DONE;

	if (pod_gc(node, nl, &freed, &e))
		status = fail(&e);
	else
		printf("%u freed\n", freed);
	if (repair(node, nl))
		status = EXIT_FAILED;
	if (block_list_catch_up(node, &e))
		status = fail(&e);
	if (flows_end_stale(&node->pins, nl, &flows, &e))
		status = fail(&e);
	return pod_promote(node, nl, age, &e) ? fail(&e) : status;
}

int cmd_gc(const struct globals *g, int argc, char **argv)
{
	unsigned int age = TCX_AFTER;
	struct netlink *nl = NULL;
	struct node node;
	struct error e;
	int status = parse(argc, argv, &age);

	if (status)
		return status;
	if (!open_node(&node, g, ROOT_SHARED, true))
		return EXIT_FAILED;
	status = netlink_open(&nl, -1, &e) ? fail(&e) : collect(&node, nl, age);
	netlink_close(nl);
	node_close(&node);
	return status;
}

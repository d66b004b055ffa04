// SPDX-License-Identifier: GPL-2.0-only
/* pinpool check: audits every invariant, and repairs with --fix. */
#include <getopt.h>
#include <stdio.h>

#include "loader/check/audit.h"
#include "loader/cmd/cmd.h"

static void print_violation(const char *text, void *arg)
{
	(void)arg;
	puts(text);
}

static int print_count(size_t count)
{
	printf("%zu violation%s\n", count, count == 1 ? "" : "s");
	return count ? EXIT_FAILED : EXIT_DONE;
}

/* Under the exclusive lock no pod comes or goes: what is wrong now is wrong. */
static int check_locked(const struct globals *g, bool fix)
{
	const struct audit_report report = { print_violation, NULL };
	struct netlink *nl = NULL;
	struct node node;
	struct error e;
	size_t count;
	int err;

	if (!open_node(&node, g, ROOT_EXCLUSIVE, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err)
		err = audit_run(&node, nl, &report, &count, &e);
	if (!err && count && fix) {
		printf("repairing %zu violation%s\n", count, count == 1 ? "" : "s");
		if (audit_fix(&node, nl, &e))
			warning("check: %s", e.text);
		err = audit_run(&node, nl, &report, &count, &e);
	}
	netlink_close(nl);
	node_close(&node);
	return err ? fail(&e) : print_count(count);
}

/* A look without the lock, which disturbs nobody; what it finds may only be in the making. */
static int look(const struct globals *g, size_t *count)
{
	struct netlink *nl = NULL;
	struct node node;
	struct error e;
	int err;

	if (!open_node(&node, g, ROOT_UNLOCKED, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err)
		err = audit_run(&node, nl, NULL, count, &e);
	netlink_close(nl);
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

int cmd_check(const struct globals *g, int argc, char **argv)
{
	static const struct option options[] = { { "fix", no_argument, NULL, 'f' }, {} };
	size_t count = 0;
	bool fix = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'f')
			return EXIT_USAGE;
		fix = true;
	}
	if (optind != argc)
		return usage_error("check", "unexpected argument \"%s\"", argv[optind]);
	status = look(g, &count);
	if (status || !count)
		return status ? status : print_count(0);
	return check_locked(g, fix);
}

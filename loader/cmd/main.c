// SPDX-License-Identifier: GPL-2.0-only
/* pinpool: reads the global options and runs one command. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/net/netns.h"
#include "loader/base/trace.h"
#include "maps/abi.h"

const struct command commands[] = {
	{ "up", cmd_up, "[-f FILE|DIR]... [--node NAME] [--set OPTION=VALUE]... [--require-uplink]",
	  "load, attach to the uplinks, apply the manifests; upgrade or repair a running node" },
	{ "down", cmd_down, "[--all]", "detach from the uplinks; --all: remove everything" },
	{ "apply", cmd_apply, "[--prune] -f FILE|DIR|-", "apply manifests" },
	{ "diff", cmd_diff, "[--prune] -f FILE|DIR|-", "what apply would do; exit 0 nothing, 1 something, 2 error" },
	{ "delete", cmd_delete, "KIND NAME", "delete an object; a pool in use starts terminating" },
	{ "get", cmd_get, "KIND [NAME] [-o wide|json|yaml]",
	  "list pools, nodes, blocks, pods, routes or flows" },
	{ "describe", cmd_describe, "node | pool NAME", "the node's or a pool's state, for people" },
	{ "attach", cmd_attach,
	  "NETNS [--pod NS/NAME] [--owner ID] [--ifname eth0] [--annotation K=V]... [--label K=V]... [--ip ADDR]...",
	  "make a pod of a network namespace" },
	{ "detach", cmd_detach, "NETNS | --owner ID", "undo attach" },
	{ "alloc", cmd_alloc, "[--pool P] --owner ID [--ip ADDR]...", "addresses alone, no interface" },
	{ "release", cmd_release, "--owner ID", "undo alloc" },
	{ "status", cmd_status, "[--wait] [-o json]", "OK or not, part by part, with what to do" },
	{ "config", cmd_config, "view", "effective options" },
	{ "monitor", cmd_monitor, "[--drops]", "drops and verdicts as they happen" },
	{ "metrics", cmd_metrics, "", "OpenMetrics text" },
	{ "check", cmd_check, "[--fix]", "audit every invariant" },
	{ "gc", cmd_gc, "[--tcx-after SECONDS]", "free what crashes left behind" },
	{ "connectivity", cmd_connectivity, "test [--world ADDRESS[:PORT]]",
	  "try every path with temporary pods" },
	{ "version", cmd_version, "", "version, ABI and kernel features" },
	{},
};

static void print_usage(FILE *out)
{
	fputs("usage: pinpool [--root DIR] [--netns NAME|PATH] [--state FILE] [-v] COMMAND ...\n\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-13s %s\n", c->name, c->help);
	fputs("\n'pinpool COMMAND --help' has a command's arguments; see pinpool(8).\n", out);
}

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int enter_netns(const char *name)
{
	struct error e;
	int fd = netns_open(name, &e), err;

	if (fd < 0)
		return fail(&e);
	err = netns_enter(fd, &e);
	return err ? fail(&e) : 0;
}

static int run(const struct globals *g, int argc, char **argv)
{
	const struct command *c = command_find(argv[0]);
	int status;

	if (!strcmp(argv[0], "help")) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (!c) {
		fprintf(stderr, "pinpool: %s: unknown command; see 'pinpool --help'\n", argv[0]);
		return EXIT_USAGE;
	}
	if (wants_help(argc, argv)) {
		printf("usage: pinpool %s %s\n\n%s\n", c->name, c->arguments, c->help);
		return EXIT_DONE;
	}
	optind = 0; /* glibc: forget the order and the place of the scan of the global options */
	status = c->run(g, argc, argv);
	return finish_output(status);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },  { "netns", required_argument, NULL, 'n' },
		{ "state", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },     { "verbose", no_argument, NULL, 'v' },
		{},
	};
	struct globals g = { .root = getenv("PINPOOL_ROOT"), .state = getenv("PINPOOL_STATE") };
	const char *netns = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "+hv", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			g.root = optarg;
			break;
		case 'n':
			netns = optarg;
			break;
		case 's':
			g.state = optarg;
			break;
		case 'v':
			trace_enabled = true;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_DONE;
		case 'V':
			printf("pinpool %s\n", VERSION);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (!g.root || !g.root[0])
		g.root = PP_ROOT;
	if (optind == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (netns && enter_netns(netns))
		return EXIT_FAILED;
	return run(&g, argc - optind, argv + optind);
}

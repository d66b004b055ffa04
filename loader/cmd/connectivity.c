// SPDX-License-Identifier: GPL-2.0-only
/* pinpool connectivity test: temporary pods try every path. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/connect/connectivity.h"
#include "loader/base/prefix.h"
#include "loader/cmd/table.h"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

/* ADDR, ADDR4:PORT or [ADDR6]:PORT */
static int parse_world(const char *text, struct world *world)
{
	char addr[ADDR_TEXT + 1], *end;
	const char *colon = NULL;
	unsigned long port;
	size_t length;

	world->given = true;
	if (!addr_parse(text, &world->addr))
		return 0;
	if (text[0] == '[')
		colon = strstr(text, "]:") ? strstr(text, "]:") + 1 : NULL;
	else
		colon = strchr(text, ':');
	length = colon ? colon - text : 0;
	if (text[0] == '[' && length)
		text++, length -= 2;
	if (colon && length < sizeof(addr)) {
		snprintf(addr, sizeof(addr), "%.*s", (int)length, text);
		port = strtoul(colon + 1, &end, 10);
		if (!addr_parse(addr, &world->addr) && !*end && end != colon + 1 && port && port < 65536) {
			world->port = port;
			return 0;
		}
	}
	return usage_error("connectivity", "--world: expects ADDRESS, IPV4:PORT or [IPV6]:PORT");
}

/* Returns whether nothing failed. */
static bool print_paths(const struct connectivity *c)
{
	size_t ok = 0, failed = 0, skipped = 0;
	struct table table;

	table_init(&table, "FROM TO FAMILY RESULT");
	for (size_t i = 0; i < c->path_count; i++) {
		const struct path *p = &c->paths[i];

		table_add(&table, "%s", p->from);
		table_add(&table, "%s", p->to);
		table_add(&table, "%s", p->family == FAMILY_IPV4 ? "IPv4" : "IPv6");
		if (p->failed[0])
			table_add(&table, "failed (%s)", p->failed);
		else if (p->skipped[0])
			table_add(&table, "skipped (%s)", p->skipped);
		else
			table_add(&table, "ok");
		failed += p->failed[0] != 0;
		skipped += !p->failed[0] && p->skipped[0];
		ok += !p->failed[0] && !p->skipped[0];
	}
	table_write(&table, stdout);
	printf("\n%zu ok, %zu failed, %zu skipped\n", ok, failed, skipped);
	return !failed;
}

static int test(const struct globals *g, const struct world *world)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct connectivity result;
	struct error e;
	int err, status;

	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	err = connectivity_run(g->root, world, &stop, &result, &e);
	if (err == -EINTR) {
		warning("connectivity: interrupted by %s; the test's pods are removed", strsignal(stop));
		status = EXIT_FAILED;
	} else if (err) {
		status = fail(&e);
	} else {
		status = print_paths(&result) ? EXIT_DONE : EXIT_FAILED;
	}
	connectivity_free(&result);
	return status;
}

int cmd_connectivity(const struct globals *g, int argc, char **argv)
{
	static const struct option options[] = { { "world", required_argument, NULL, 'w' }, {} };
	struct world world = {};
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'w')
			return EXIT_USAGE;
		status = parse_world(optarg, &world);
		if (status)
			return status;
	}
	if (optind != argc - 1 || strcmp(argv[optind], "test"))
		return usage_error("connectivity", "expects 'test'");
	return test(g, &world);
}

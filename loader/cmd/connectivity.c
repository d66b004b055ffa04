// SPDX-License-Identifier: GPL-2.0-only
/* pinpool connectivity test: temporary pods try every path. */
#include <errno.h>
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
static int parse_world(const struct call *c, const char *text, struct world *world)
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
	return usage_error(c, "--world: expects ADDRESS, IPV4:PORT or [IPV6]:PORT");
}

/* Returns whether nothing failed. */
static bool print_paths(const struct connectivity *c)
{
	static const struct column columns[] = {
		COLUMN("FROM", "from"), COLUMN("TO", "to"), COLUMN("FAMILY", "family"), COLUMN("RESULT", "result"), {},
	};
	struct table table = { .columns = columns };
	size_t failed = 0, skipped = 0;

	for (size_t i = 0; i < c->path_count; i++) {
		const struct path *p = &c->paths[i];
		json_t *result = p->failed[0]  ? json_sprintf("failed (%s)", p->failed) :
				 p->skipped[0] ? json_sprintf("skipped (%s)", p->skipped) :
						 json_string("ok");

		table_add(&table, json_pack("{s:s, s:s, s:s, s:o}", "from", p->from, "to", p->to, "family",
					    p->family == FAMILY_IPV4 ? "IPv4" : "IPv6", "result", result));
		failed += p->failed[0] != 0;
		skipped += !p->failed[0] && p->skipped[0];
	}
	table_print(&table);
	printf("\n%zu ok, %zu failed, %zu skipped\n", c->path_count - failed - skipped, failed, skipped);
	return !failed;
}

static int run(struct call *c, struct error *e)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct connectivity result;
	struct world world = {};
	int err = c->args.world ? parse_world(c, c->args.world, &world) : 0;

	if (err)
		return err;
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	err = connectivity_run(c->args.root, &world, &stop, &result, e);
	if (err == -EINTR)
		error_set(e, err, "connectivity: interrupted by %s; the test's pods are removed",
			  strsignal(stop));
	else if (!err)
		err = print_paths(&result) ? EXIT_DONE : EXIT_FAILED;
	connectivity_free(&result);
	return err;
}

const struct command command_connectivity = {
	.name = "connectivity", .keyword = "test", .help = "try every path with temporary pods",
	.options = OPTIONS({ "world", 0, "ADDRESS[:PORT]", ARGUMENT(world), 0 }),
	.run = run,
};

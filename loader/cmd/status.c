// SPDX-License-Identifier: GPL-2.0-only
/* pinpool status: OK or what is wrong, part by part. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/cmd/cmd.h"
#include "loader/check/health.h"

#define WAIT_SECONDS 60

static void nap(void)
{
	const struct timespec t = { .tv_nsec = 300000000 };

	nanosleep(&t, NULL);
}

/* A pod in the making looks like something left behind: only what stands twice is wrong. */
static void look(const char *root, struct health *h)
{
	health_read(root, h);
	if (health_is_ok(h))
		return;
	nap();
	health_read(root, h);
}

static void look_until_ok(const char *root, struct health *h)
{
	time_t end = time(NULL) + WAIT_SECONDS;

	do
		look(root, h);
	while (!health_is_ok(h) && time(NULL) < end);
}

static void print_text(const char *root, const struct health *h)
{
	bool ok = health_is_ok(h);

	printf("    /--\\\n");
	printf(" /--\\__/--\\    pinpool: %s\n", ok ? "OK" : "not OK");
	printf(" \\__/--\\__/    node:    %s\n", h->node[0] ? h->node : "<unknown>");
	printf("    \\__/       root:    %s/v%d\n\n", root, PP_ABI);
	for (size_t i = 0; i < h->count; i++)
		printf("%-10s %-7s %s\n", h->parts[i].name, h->parts[i].ok ? "OK" : "not OK",
		       h->parts[i].text);
}

static void print_json(const char *root, const struct health *h)
{
	json_t *parts = json_array(), *out;

	for (size_t i = 0; i < h->count; i++)
		json_array_append_new(parts,
				      json_pack("{s:s, s:b, s:s}", "name", h->parts[i].name, "ok",
						h->parts[i].ok, "message", h->parts[i].text));
	out = json_pack("{s:b, s:s, s:s, s:i, s:o, s:{s:I, s:I}}", "ok", health_is_ok(h), "node",
			h->node, "root", root, "abi", PP_ABI, "parts", parts, "memory",
			"mapBytes", (json_int_t)h->map_bytes, "programBytes",
			(json_int_t)h->program_bytes);
	json_dumpf(out, stdout, JSON_INDENT(4));
	putchar('\n');
	json_decref(out);
}

static int run(struct call *c, struct error *e)
{
	const char *root = c->args.root, *output = c->args.output;
	struct health h;

	(void)e;
	if (output && strcmp(output, "json"))
		return usage_error(c, "unknown output \"%s\": json", output);
	if (c->args.wait)
		look_until_ok(root, &h);
	else
		look(root, &h);
	if (output)
		print_json(root, &h);
	else
		print_text(root, &h);
	return health_is_ok(&h) ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_status = {
	.name = "status", .help = "OK or not, part by part, with what to do",
	.options = OPTIONS({ "wait", 0, NULL, ARGUMENT(wait), 0 }, { "output", 'o', "json", ARGUMENT(output), 0 }),
	.run = run,
};

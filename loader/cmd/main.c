// SPDX-License-Identifier: GPL-2.0-only
/* pinpool: finds the command, gives it what it declares to need, runs it, and prints its error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/base/trace.h"
#include "loader/cmd/cmd.h"
#include "loader/net/netns.h"
#include "maps/abi.h"

static const struct command *const commands[] = {
	&command_up, &command_down, &command_apply, &command_diff, &command_delete, &command_get,
	&command_describe, &command_attach, &command_detach, &command_alloc, &command_release,
	&command_status, &command_config, &command_monitor, &command_metrics, &command_check, &command_gc,
	&command_connectivity, &command_version, NULL,
};

static const struct command_option global_options[] = {
	{ "root", 0, "DIR", ARGUMENT(root), 0 },        { "netns", 0, "NAME|PATH", ARGUMENT(netns), 0 },
	{ "state", 0, "FILE", ARGUMENT(state), 0 },     { "verbose", 'v', NULL, ARGUMENT(verbose), 0 },
	{ "help", 'h', NULL, ARGUMENT(help), 0 },       { "version", 0, NULL, ARGUMENT(version), 0 },
	{},
};

static void print_help(FILE *out)
{
	fputs("usage: pinpool [--root DIR] [--netns NAME|PATH] [--state FILE] [-v] COMMAND ...\n\n", out);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "  %-13s %s\n", (*c)->name, (*c)->help);
	fputs("\n'pinpool COMMAND --help' has a command's arguments; see pinpool(8).\n", out);
}

static const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int enter_netns(const char *name, struct error *e)
{
	int fd = netns_open(name, e);

	return fd < 0 ? fd : netns_enter(fd, e);
}

int call_open(struct call *c, enum root_lock lock, struct error *e)
{
	int err = context_open(&c->node, c->args.root, lock, e);

	if (err)
		return err;
	c->is_open = true;
	if (!(c->needs & NEEDS_INTERFACES))
		return 0;
	err = context_check_netns(&c->node, e);
	return err ? err : netlink_open(&c->nl, -1, e);
}

void call_close(struct call *c)
{
	netlink_close(c->nl);
	if (c->is_open)
		context_close(&c->node);
	c->nl = NULL;
	c->is_open = false;
}

static int call_run(struct call *c, struct error *e)
{
	const struct command *command = c->command;
	int err;

	c->needs = command->needs;
	c->data = command->data_size ? xcalloc(1, command->data_size) : NULL;
	err = command->prepare ? command->prepare(c, e) : 0;
	if (!err && c->needs & NEEDS_NODE)
		err = call_open(c, command->lock, e);
	if (!err)
		err = command->run(c, e);
	call_close(c);
	if (command->finish)
		command->finish(c);
	free(c->data);
	return err;
}

/* A full disk or a closed pipe: what was printed did not get out. */
static int finish_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "pinpool: standard output: %s; what was printed is not whole\n", strerror(errno));
	return status ? status : EXIT_FAILED;
}

static int run(struct call *c, int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	struct error e;
	int err;

	if (!strcmp(argv[0], "help")) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (!command) {
		fprintf(stderr, "pinpool: %s: unknown command; see 'pinpool --help'\n", argv[0]);
		return EXIT_USAGE;
	}
	if (wants_help(argc, argv)) {
		print_command_help(command);
		return EXIT_DONE;
	}
	c->command = command;
	err = parse_arguments(c, argc, argv);
	if (!err && c->args.netns)
		err = enter_netns(c->args.netns, &e);
	if (!err)
		err = call_run(c, &e);
	if (err < 0) {
		print_error(&e);
		err = command->error_status ? command->error_status : EXIT_FAILED;
	}
	return finish_output(err);
}

int main(int argc, char **argv)
{
	struct call c = { .args = { .root = getenv("PINPOOL_ROOT"), .state = getenv("PINPOOL_STATE") } };
	int status = parse_options(global_options, true, argc, argv, &c.args), words = c.args.words.count;

	free(c.args.words.list);
	c.args.words = (struct texts){};
	trace_enabled = c.args.verbose;
	if (status)
		return status;
	if (c.args.help || c.args.version || !words) {
		if (c.args.version && !c.args.help)
			printf("pinpool %s\n", VERSION);
		else
			print_help(c.args.help ? stdout : stderr);
		return c.args.help || c.args.version ? EXIT_DONE : EXIT_USAGE;
	}
	if (!c.args.root || !c.args.root[0])
		c.args.root = PP_ROOT;
	status = run(&c, words, argv + argc - words);
	arguments_free(&c.args);
	return status;
}

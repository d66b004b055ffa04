// SPDX-License-Identifier: GPL-2.0-only
/* pinpool apply, delete: objects changed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/apply/apply.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/apply.h"
#include "loader/ipam/transactions.h"
#include "loader/host/repair.h"

void print_warnings(const struct apply *plan)
{
	for (size_t i = 0; i < plan->warning_count; i++)
		warning("%s", plan->warnings[i]);
}

void print_results(const struct apply *plan)
{
	static const char *const words[] = {
		[APPLY_UNCHANGED] = "unchanged", [APPLY_CREATED] = "created",
		[APPLY_CONFIGURED] = "configured", [APPLY_DELETED] = "deleted",
		[APPLY_TERMINATING] = "terminating", [APPLY_IGNORED] = "ignored",
	};

	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (words[o->result] && o->kind != OBJECT_SETTINGS)
			printf("%s/%s %s\n", o->kind_name, o->name, words[o->result]);
	}
}

int read_manifests(char *const *files, size_t count, struct manifest *m, struct error *e)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = manifest_read(files[i], m, e);
	return err;
}

/* Devices may have come, gone, or been renamed by an option. */
static int follow_uplinks(struct node *node, const struct options *options, struct error *e)
{
	struct netlink *nl;
	struct repair r;
	int err = netlink_open(&nl, -1, e);

	if (err)
		return err;
	err = repair_host(node, nl, options, 0, &r, e);
	netlink_close(nl);
	return err;
}

static void note_terminating(struct node *node, struct apply *plan)
{
	struct pool pool;
	uint32_t id;

	for (size_t i = 0; i < plan->count; i++) {
		struct apply_object *o = &plan->objects[i];

		if (o->kind == OBJECT_POOL && o->result == APPLY_DELETED &&
		    !ipam_pool_find(&node->pins, o->name, &id, &pool) && pool.state == POOL_TERMINATING)
			o->result = APPLY_TERMINATING;
	}
}

/* The plan carried out and all that follows from it made true, uplinks included. */
static int commit_and_reconcile(struct node *node, struct apply *plan, struct error *e)
{
	struct error later;
	int err = repair_check(node, &plan->options, e), second;

	if (!err)
		err = apply_commit(node, plan, e);
	if (err)
		return err;
	err = follow_uplinks(node, &plan->options, e);
	second = apply_reconcile(node, &plan->options, true, &later);
	note_terminating(node, plan);
	/* what was committed is said even if a route could not follow */
	print_results(plan);
	if (second > 0)
		warning("%s", later.text);
	if (!err && second < 0)
		*e = later;
	return err || second > 0 ? err : second;
}

static int run_plan(const struct globals *g, const struct manifest *m,
		    const struct apply_delete *remove, unsigned int flags)
{
	struct apply plan;
	struct node node;
	struct error e;
	int err;

	if (!open_node(&node, g, ROOT_EXCLUSIVE, true))
		return EXIT_FAILED;
	err = apply_plan(&node, m, NULL, remove, flags, &plan, &e);
	if (!err) {
		print_warnings(&plan);
		err = commit_and_reconcile(&node, &plan, &e);
		apply_free(&plan);
	}
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

int read_arguments(int argc, char **argv, struct manifest *m, unsigned int *flags)
{
	static const struct option options[] = { { "filename", required_argument, NULL, 'f' },
						 { "prune", no_argument, NULL, 'p' }, {} };
	bool any = false;
	struct error e;
	int c, err = 0;

	while ((c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == 'p') {
			*flags |= APPLY_PRUNE;
		} else if (c == 'f') {
			any = true;
			err = err ? err : manifest_read(optarg, m, &e);
		} else {
			return EXIT_USAGE;
		}
	}
	if (!any)
		return usage_error(argv[0], "-f is missing");
	if (optind != argc)
		return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind]);
	return err ? fail(&e) : EXIT_DONE;
}

int cmd_apply(const struct globals *g, int argc, char **argv)
{
	struct manifest m = {};
	unsigned int flags = 0;
	int status = read_arguments(argc, argv, &m, &flags);

	if (!status)
		status = run_plan(g, &m, NULL, flags);
	manifest_free(&m);
	return status;
}

int cmd_delete(const struct globals *g, int argc, char **argv)
{
	struct apply_delete remove;
	struct manifest none = {};

	if (argc == 2 && strchr(argv[1], '/')) {
		char *slash = strchr(argv[1], '/');

		*slash = 0;
		remove = (struct apply_delete){ kind_by_name(argv[1]), slash + 1 };
	} else if (argc == 3) {
		remove = (struct apply_delete){ kind_by_name(argv[1]), argv[2] };
	} else {
		return usage_error("delete", "expects a kind and a name");
	}
	if (!remove.kind)
		return usage_error("delete",
				   "unknown kind \"%s\": pool, node, nodeconfig, configmap or namespace", argv[1]);
	return run_plan(g, &none, &remove, 0);
}

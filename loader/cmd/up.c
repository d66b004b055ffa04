// SPDX-License-Identifier: GPL-2.0-only
/* pinpool up: from nothing, or from whatever is there, to a node that works. */
#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/check/audit.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/apply.h"
#include "loader/kernel/flows.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/load.h"
#include "loader/kernel/map.h"
#include "loader/net/netns.h"
#include "loader/host/repair.h"
#include "loader/blocks/state_file.h"

#define MANIFEST_DIR "/etc/pinpool"
#define FILES_MAX 64
#define RESTORED_SECONDS 900 /* for which blocks from before a reboot wait for their pods */

struct up {
	const struct globals *g;
	char *files[FILES_MAX];
	size_t file_count;
	const char *node_name;
	json_t *settings; /* NULL: what the last `up` said stays */
	struct node node;
	bool fresh;       /* this root had no node */
	bool require_uplink;
};

static int add_setting(struct up *up, const char *text)
{
	const char *equals = strchr(text, '=');
	char name[128];
	struct error e;

	if (!equals || equals == text || equals - text >= (long)sizeof(name))
		return usage_error("up", "--set \"%s\": expects OPTION=VALUE", text);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	if (option_check(name, equals + 1, &e))
		return fail(&e);
	if (!up->settings)
		up->settings = json_object();
	json_object_set_new(up->settings, name, json_string(equals + 1));
	return 0;
}

static int parse(struct up *up, int argc, char **argv)
{
	static const struct option options[] = { { "filename", required_argument, NULL, 'f' },
						 { "node", required_argument, NULL, 'n' },
						 { "set", required_argument, NULL, 's' },
						 { "require-uplink", no_argument, NULL, 'r' }, {} };
	int c, status = 0;

	while (!status && (c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == 'f' && up->file_count < FILES_MAX)
			up->files[up->file_count++] = optarg;
		else if (c == 'f')
			status = usage_error("up", "more than %d -f", FILES_MAX);
		else if (c == 'n')
			up->node_name = optarg;
		else if (c == 's')
			status = add_setting(up, optarg);
		else if (c == 'r')
			up->require_uplink = true;
		else
			status = EXIT_USAGE;
	}
	if (!status && optind != argc)
		status = usage_error("up", "unexpected argument \"%s\"", argv[optind]);
	if (!status && up->node_name && (!up->node_name[0] || strlen(up->node_name) >= PP_NAME))
		status = usage_error("up", "--node: a name has 1 to %d bytes", PP_NAME - 1);
	if (!up->file_count && !access(MANIFEST_DIR, F_OK))
		up->files[up->file_count++] = (char *)MANIFEST_DIR;
	return status;
}

static void name_node(struct up *up)
{
	struct config *c = &up->node.config;

	if (up->node_name) {
		memset(c->node, 0, sizeof(c->node));
		memcpy(c->node, up->node_name, strlen(up->node_name));
	} else if (!c->node[0]) {
		gethostname(c->node, sizeof(c->node) - 1);
	}
	if (up->g->state || !c->state_file[0]) {
		memset(c->state_file, 0, sizeof(c->state_file));
		if (up->g->state)
			snprintf(c->state_file, sizeof(c->state_file), "%s", up->g->state);
		else
			state_file_path(up->node.pins.root.path, c->state_file, sizeof(c->state_file));
	}
}

/* The root made, the transactions in place, and what the node was before, if it was. */
static int begin(struct up *up, struct error *e)
{
	struct node *node = &up->node;
	uint64_t cookie;
	int err = netns_cookie(-1, &cookie, e);

	if (!err)
		err = root_create(&node->pins.root, ROOT_EXCLUSIVE, e);
	if (!err)
		err = load_ipam(&node->pins, e);
	if (!err)
		err = node_read_config(node, e);
	if (err)
		return err;
	up->fresh = !node->config.node[0];
	if (!up->fresh && node->config.netns_cookie != cookie)
		return node_check_netns(node, e);
	if (!up->fresh && up->node_name && strcmp(up->node_name, node->config.node))
		return error_set(e, -EBUSY,
				 "%s: is node %s already; give another --root, or run 'pinpool down --all' first",
				 node->pins.root.path, node->config.node);
	node->config.netns_cookie = cookie;
	name_node(up);
	return 0;
}

/* Every pod's veth gets the present jump: the one that it has may belong to a removed pin. */
static int reattach_pods(struct node *node, struct netlink *nl, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), err;
	struct lease_entry *leases;
	size_t count;

	if (program < 0)
		return pins_error(&node->pins, "pp_pod_entry", program, e);
	err = ipam_leases(&node->pins, &leases, &count, e);
	for (size_t i = 0; !err && i < count; i++)
		if (leases[i].lease.state == LEASE_BOUND)
			tc_update_pod(nl, leases[i].lease.ifindex, program);
	free(leases);
	/* an interface that an administrator deleted is gc's business */
	netlink_flush(nl, NULL);
	return err;
}

static int arm_timer(struct node *node, struct error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = pins_prog(&node->pins, PROG_FLOWS_ARM);

	if (fd < 0)
		return pins_error(&node->pins, "pp_flows_arm", fd, e);
	if (bpf_prog_test_run_opts(fd, &opts) || (int)opts.retval < 0)
		return error_set(e, -EIO, "pp_flows_arm: cannot start the timer that ages flows");
	return 0;
}

/* The blocks from before a reboot, where the pools still have them (issue: the others' routes stay true). */
static void restore_blocks(struct up *up)
{
	struct node *node = &up->node;
	struct claim *claims = NULL;
	struct manifest m = {};
	size_t count = 0;
	struct error e;
	char aside[PP_NAME + 16];

	if (!up->fresh || node->config.allocator == NODE_ALLOCATOR_STATIC ||
	    access(node->config.state_file, F_OK))
		return;
	if (manifest_read(node->config.state_file, &m, &e)) {
		snprintf(aside, sizeof(aside), "%s.corrupt", node->config.state_file);
		rename(node->config.state_file, aside);
		warning("%s; kept as %s, starting without the blocks of the last boot", e.text, aside);
		return;
	}
	for (size_t i = 0; i < m.count; i++)
		if (m.objects[i].kind == OBJECT_NODE && !strcmp(m.objects[i].name, node->config.node))
			claims_of(m.objects[i].json, node->config.default_pool_name, &claims, &count);
	if (blocks_match(node, claims, count, RESTORED_SECONDS, &e))
		warning("%s: %s, ignoring", node->config.state_file, e.text);
	free(claims);
	manifest_free(&m);
}

/* Pods that outlived the pins of their node: their interfaces tell the leases. */
static int adopt_pods(struct up *up, struct error *e)
{
	struct netlink *nl;
	size_t count;
	int err;

	if (!up->fresh)
		return 0;
	err = netlink_open(&nl, -1, e);
	if (err)
		return err;
	err = audit_rebuild(&up->node, nl, &count, e);
	if (!err && count) {
		warning("the leases of %zu pods were lost and are made again from their interfaces", count);
		err = audit_fix(&up->node, nl, e);
	}
	netlink_close(nl);
	return err;
}

/* The uplinks that there are; those that `devices` lacks are for the end with --require-uplink. */
static int attach_uplinks(struct up *up, struct netlink *nl, const struct options *options,
			  struct repair *r, struct error *e)
{
	int err;

	up->node.config.down = false;
	err = repair_host(&up->node, nl, options, UPLINKS_LOAD_TIME, r, e);
	if (r->failed[REPAIR_UPLINKS] && up->require_uplink && !r->failed[REPAIR_SYSCTLS])
		return 0;
	return err;
}

static int carry_out(struct up *up, struct apply *plan, struct repair *r, struct error *e)
{
	struct node *node = &up->node;
	struct netlink *nl = NULL;
	unsigned int flows;
	bool resized;
	int err = load_datapath(&node->pins, &plan->options, &resized, e);

	if (!err && resized && !up->fresh)
		warning("bpf-nat-max: the flow table was made anew; masqueraded connections were forgotten");
	if (!err)
		err = netlink_open(&nl, -1, e);
	if (!err)
		err = apply_commit(node, plan, e);
	if (!err)
		err = attach_uplinks(up, nl, &plan->options, r, e);
	if (!err)
		err = reattach_pods(node, nl, e);
	if (!err)
		err = arm_timer(node, e);
	if (!err)
		err = flows_end_stale(&node->pins, nl, &flows, e);
	netlink_close(nl);
	if (!err) {
		apply_options(node, &plan->options);
		restore_blocks(up);
		err = apply_reconcile(node, &plan->options, !up->fresh, e);
		if (err > 0)
			warning("%s", e->text);
		err = err < 0 ? err : adopt_pods(up, e);
	}
	return err;
}

/* The node works without, as far as its own pods go; systemd shall try again. */
static int check_uplinks(const struct up *up, const struct repair *r, struct error *e)
{
	static const char none[] =
		"no uplink: there is no default route; set devices=NAME to reach other hosts, or wait: it is attached within a minute of its route";

	if (up->require_uplink && r->failed[REPAIR_UPLINKS]) {
		*e = r->errors[REPAIR_UPLINKS];
		return -ENODEV;
	}
	if (r->uplinks.count)
		return 0;
	if (up->require_uplink)
		return error_set(e, -ENODEV, "%s", none);
	warning("%s", none);
	return 0;
}

static int run(struct up *up, struct error *e)
{
	struct manifest m = {};
	struct apply plan;
	struct repair r = {};
	int err = begin(up, e);

	if (!err)
		err = read_manifests(up->files, up->file_count, &m, e);
	if (!err)
		err = apply_plan(&up->node, &m, up->settings, NULL, APPLY_LOAD_TIME, &plan, e);
	if (!err) {
		print_warnings(&plan);
		if (!up->require_uplink)
			err = repair_check(&up->node, &plan.options, e);
		if (!err) {
			err = carry_out(up, &plan, &r, e);
			print_results(&plan);
		}
		apply_free(&plan);
	}
	/* a node that never was leaves nothing behind */
	if (err && up->fresh && up->node.pins.root.dir_fd >= 0)
		root_remove(&up->node.pins.root, NULL);
	manifest_free(&m);
	if (err)
		return err;
	printf("node %s is up\n", up->node.config.node);
	return check_uplinks(up, &r, e);
}

int cmd_up(const struct globals *g, int argc, char **argv)
{
	struct up up = { .g = g };
	struct error e;
	int status = parse(&up, argc, argv);

	pins_init(&up.node.pins);
	if (!status) {
		status = root_init(&up.node.pins.root, g->root, &e) || run(&up, &e) ? fail(&e) : EXIT_DONE;
		node_close(&up.node);
	}
	json_decref(up.settings);
	return status;
}

// SPDX-License-Identifier: GPL-2.0-only
/* A node brought up: from nothing, or from whatever is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/blocks/blocks.h"
#include "loader/blocks/state_file.h"
#include "loader/check/audit.h"
#include "loader/host/migrate.h"
#include "loader/ipam/claims.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/flows.h"
#include "loader/kernel/load.h"
#include "loader/net/netns.h"
#include "loader/net/tc.h"
#include "loader/node/node.h"

#define RESTORED_SECONDS 900 /* for which blocks from before a reboot wait for their pods */

static void name_node(struct up *up)
{
	struct config *c = &up->node.config;

	if (up->name) {
		memset(c->node, 0, sizeof(c->node));
		memcpy(c->node, up->name, strlen(up->name));
	} else if (!c->node[0]) {
		gethostname(c->node, sizeof(c->node) - 1);
	}
	if (up->state_file || !c->state_file[0]) {
		memset(c->state_file, 0, sizeof(c->state_file));
		if (up->state_file)
			snprintf(c->state_file, sizeof(c->state_file), "%s", up->state_file);
		else
			state_file_path(up->node.pins.root.path, c->state_file, sizeof(c->state_file));
	}
}

/* The root made, the transactions in place, and what the node was before, if it was. */
static int begin(struct up *up, struct error *e)
{
	struct context *node = &up->node;
	uint64_t cookie;
	int err = root_init(&node->pins.root, up->root, e);

	if (!err)
		err = netns_cookie(-1, &cookie, e);
	if (!err)
		err = root_create(&node->pins.root, ROOT_EXCLUSIVE, e);
	if (!err)
		err = migrate(node, e);
	if (!err)
		err = context_read_config(node, e);
	if (err)
		return err;
	up->fresh = !node->config.node[0];
	if (!up->fresh && node->config.netns_cookie != cookie)
		return context_check_netns(node, e);
	if (!up->fresh && up->name && strcmp(up->name, node->config.node))
		return error_set(e, -EBUSY,
				 "%s: is node %s already; give another --root, or run 'pinpool down --all' first",
				 node->pins.root.path, node->config.node);
	if (!up->managed && (up->file_count || up->settings))
		err = context_check_unmanaged(node, up->file_count ? up->files[0] : "--set", e);
	node->config.managed |= up->managed;
	node->config.netns_cookie = cookie;
	name_node(up);
	return err;
}

static int read_files(struct up *up, struct error *e)
{
	bool standard = !up->file_count && up->directory && !up->node.config.managed;
	int err = 0;

	for (size_t i = 0; !err && i < up->file_count; i++)
		err = manifest_read(up->files[i], &up->manifest, e);
	if (standard && !access(up->directory, F_OK))
		err = manifest_read(up->directory, &up->manifest, e);
	return err;
}

/* Every pod's veth gets the present jump: the one that it has may belong to a removed pin. */
static int reattach_pods(struct context *node, struct netlink *nl, struct error *e)
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

/* The blocks from before a reboot, where the pools still have them. */
static void restore_blocks(struct up *up)
{
	struct context *node = &up->node;
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
		apply_warn(&up->plan, "%s; kept as %s, starting without the blocks of the last boot", e.text, aside);
		return;
	}
	for (size_t i = 0; i < m.count; i++)
		if (m.objects[i].kind == OBJECT_CILIUMNODE && !strcmp(m.objects[i].name, node->config.node))
			claims_of(m.objects[i].json, node->config.default_pool_name, &claims, &count);
	if (blocks_match(node, claims, count, RESTORED_SECONDS, &e))
		apply_warn(&up->plan, "%s: %s, ignoring", node->config.state_file, e.text);
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
		apply_warn(&up->plan,
			   "the leases of %zu pods were lost and are made again from their interfaces", count);
		err = audit_fix(&up->node, nl, e);
	}
	netlink_close(nl);
	return err;
}

/* The uplinks that there are; those that `devices` lacks are for the end with require_uplink. */
static int attach_uplinks(struct up *up, struct netlink *nl, struct error *e)
{
	struct repair *r = &up->repair;
	int err;

	up->node.config.down = false;
	err = repair_host(&up->node, nl, &up->plan.options, UPLINKS_LOAD_TIME, r, e);
	if (r->failed[REPAIR_UPLINKS] && up->require_uplink && !r->failed[REPAIR_SYSCTLS])
		return 0;
	return err;
}

/* Programs, objects, and all that packets go through. */
static int set_up(struct up *up, struct error *e)
{
	struct context *node = &up->node;
	struct netlink *nl = NULL;
	unsigned int flows;
	bool resized;
	int err = load_datapath(&node->pins, &up->plan.options, &resized, e);

	if (!err && resized && !up->fresh)
		apply_warn(&up->plan,
			   "bpf-nat-max: the flow table was made anew; masqueraded connections were forgotten");
	if (!err)
		err = netlink_open(&nl, -1, e);
	if (!err)
		err = apply_commit(node, &up->plan, e);
	if (!err) {
		up->plan.is_committed = true;
		err = attach_uplinks(up, nl, e);
	}
	if (!err)
		err = reattach_pods(node, nl, e);
	if (!err)
		err = flows_arm(&node->pins, e);
	if (!err)
		err = flows_end_stale(&node->pins, nl, &flows, e);
	netlink_close(nl);
	return err;
}

/* Blocks and leases from before, and what is derived from them. */
static int take_over(struct up *up, struct error *e)
{
	int err;

	apply_options(&up->node, &up->plan.options);
	restore_blocks(up);
	err = apply_reconcile(&up->node, &up->plan.options, !up->fresh, e);
	if (err > 0)
		apply_warn(&up->plan, "%s", e->text);
	return err < 0 ? err : adopt_pods(up, e);
}

/* The node works without, as far as its own pods go; systemd shall try again. */
static int check_uplinks(struct up *up, struct error *e)
{
	const struct repair *r = &up->repair;
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
	apply_warn(&up->plan, "%s", none);
	return 0;
}

static int bring_up(struct up *up, struct error *e)
{
	int err = begin(up, e);

	if (!err)
		err = read_files(up, e);
	if (!err)
		err = apply_plan(&up->node, &up->manifest, up->settings, NULL, APPLY_LOAD_TIME, &up->plan, e);
	if (!err && !up->require_uplink)
		err = repair_check(&up->node, &up->plan.options, e);
	if (!err)
		err = set_up(up, e);
	return err ? err : take_over(up, e);
}

int node_up(struct up *up, struct error *e)
{
	int err;

	pins_init(&up->node.pins);
	err = bring_up(up, e);
	if (!err) {
		up->is_up = true;
		return check_uplinks(up, e);
	}
	/* a node that never was leaves nothing behind */
	if (up->fresh && up->node.pins.root.dir_fd >= 0)
		root_remove(&up->node.pins.root, NULL);
	return err;
}

void up_free(struct up *up)
{
	apply_free(&up->plan);
	manifest_free(&up->manifest);
	context_close(&up->node);
}

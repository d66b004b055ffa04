// SPDX-License-Identifier: GPL-2.0-only
/* The programs of the old node replaced by the present ones, in the order that migrate.h gives. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/apply/apply.h"
#include "loader/base/trace.h"
#include "loader/host/guard.h"
#include "loader/host/migrate.h"
#include "loader/host/migrate_parts.h"
#include "loader/host/uplink.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/flows.h"
#include "loader/kernel/load.h"
#include "loader/net/tc.h"
#include "loader/pod/link.h"
#include "maps/expiries.h"

/* The host's end of a lease's interface, 0: none. A pod in the making has one that its lease does not name yet. */
static uint32_t interface_of(struct netlink *nl, const struct lease_entry *l)
{
	char name[IFNAMSIZ];
	struct link link;

	if (l->lease.state == LEASE_HELD || l->lease.ifindex)
		return l->lease.ifindex;
	pod_link_name(l->owner.id, l->owner.ifname, name);
	return link_get(nl, name, 0, &link, NULL) ? 0 : link.ifindex;
}

/* All of them, also of dying pods: what the old program jumps to goes with the old pins. */
static int attach_pods(struct context *node, struct netlink *nl, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), err;
	struct lease_entry *leases;
	struct link link;
	size_t count;

	if (program < 0)
		return pins_error(&node->pins, "pp_pod_entry", program, e);
	err = ipam_leases(&node->pins, &leases, &count, e);
	for (size_t i = 0; !err && i < count; i++) {
		uint32_t ifindex = interface_of(nl, &leases[i]);

		if (!ifindex || link_get(nl, NULL, ifindex, &link, NULL))
			continue;
		tc_update_pod(nl, ifindex, program);
		err = netlink_flush(nl, e);
		if (err == -ENODEV)
			err = 0;
	}
	free(leases);
	return err;
}

/*
 * Connections from outside to pods' own addresses, whose answers the new egress would masquerade. While
 * the old ingress is there it alone sees those that begin: copied before, and again afterwards.
 */
static int copy_inbound(struct context *node, struct error *e)
{
	int to = pins_map(&node->pins, PIN_INBOUND), err;
	char *list;
	size_t count;

	if (to < 0)
		return pins_error(&node->pins, "pp_inbound", to, e);
	err = abi1_read(&node->pins.root, "pp_inbound", ABI1_FLOW_KEY, ABI1_INBOUND, (void **)&list, &count, e);
	for (size_t i = 0; !err && i < count; i++) {
		const char *key = list + i * (ABI1_FLOW_KEY + ABI1_INBOUND);

		bpf_map_update_elem(to, key, key + ABI1_FLOW_KEY, BPF_ANY);
	}
	free(list);
	return err == -ENOENT ? 0 : err;
}

/* The copied connections have begun unseen by the new programs, which therefore always look them up. */
static int expect_copied(struct context *node, struct error *e)
{
	const struct expiries all = { .inbound = UINT32_MAX, .node_conns = UINT32_MAX };
	int to = pins_map(&node->pins, PIN_EXPIRIES);
	int err = to < 0 ? to : bpf_map_update_elem(to, &(__u32){ 0 }, &all, BPF_ANY);

	return err < 0 ? pins_error(&node->pins, "pp_expiries", err, e) : 0;
}

struct old_uplink {
	__u32 ifindex;
	struct abi1_uplink uplink;
};

/*
 * The old programs of one hook. Without tcx the new filter has taken the old one's place, unless the
 * interface is an uplink no more.
 */
static int detach_hook(struct netlink *nl, const struct context *old, const struct old_uplink *u,
		       enum tc_direction direction, bool is_listed, struct error *e)
{
	char pin[PATH_MAX + 64];

	if (is_listed && !tcx_exists())
		return 0;
	uplink_pin(old, u->uplink.ifname, direction, pin, sizeof(pin));
	return tc_detach_uplink(nl, u->ifindex, direction, pin, e);
}

/* Egress everywhere first: an answer to what the old one masqueraded still comes in. */
static int detach_uplinks(struct context *node, struct netlink *nl, struct error *e)
{
	struct uplink_entry *present = NULL;
	struct old_uplink *list;
	struct context old = {};
	size_t count, n = 0;
	int err = abi1_read(&node->pins.root, "pp_uplinks", 4, sizeof(struct abi1_uplink), (void **)&list,
			    &count, e);

	if (err)
		return err == -ENOENT ? 0 : err;
	root_before(&node->pins.root, old.pins.root.dir, sizeof(old.pins.root.dir));
	err = uplinks_read(node, &present, &n, e);
	for (int d = TC_EGRESS; d >= TC_INGRESS; d--)
		for (size_t i = 0; !err && i < count; i++)
			err = detach_hook(nl, &old, &list[i], d,
					  uplink_find(present, n, list[i].ifindex), e);
	for (size_t i = 0; !err && i < count; i++)
		if (!uplink_find(present, n, list[i].ifindex))
			err = guard_detach(list[i].ifindex, e);
	free(present);
	free(list);
	return err;
}

/* From here on the new maps count. */
static int replace(struct context *node, struct netlink *nl, const struct options *options, struct error *e)
{
	struct uplinks_result uplinks;
	int err = apply_reconcile(node, options, false, e);

	if (err >= 0)
		err = expect_copied(node, e);
	if (!err)
		err = copy_inbound(node, e);
	if (err)
		return err;
	/* `up` attaches once more and reports what fails; maybe its new options make it succeed */
	uplinks_attach(node, nl, options, UPLINKS_LOAD_TIME, &uplinks, NULL);
	err = flows_arm(&node->pins, e);
	if (!err)
		err = attach_pods(node, nl, e);
	if (!err)
		err = copy_inbound(node, e);
	if (!err)
		err = detach_uplinks(node, nl, e);
	return err;
}

/* The steps that leave the old node as it is; @fresh: the new maps are empty. */
static int prepare(struct context *node, bool fresh, struct options *options, struct error *e)
{
	bool resized;
	int err = fresh ? migrate_state(node, e) : 0;

	if (err || !node->config.node[0])
		return err;
	err = context_options(node, options, e);
	if (!err)
		err = load_datapath(&node->pins, options, &resized, e);
	if (!err)
		err = context_write_config(node, e);
	if (!err)
		trace("%s: state of ABI %d copied", node->pins.root.path, PP_ABI_BEFORE);
	return err;
}

/* What is left of the old node once its programs have no work any more. */
static int finish(struct context *node, const struct options *options, struct error *e)
{
	struct netlink *nl;
	int err = netlink_open(&nl, -1, e);

	if (err)
		return err;
	err = node->config.node[0] ? replace(node, nl, options, e) : detach_uplinks(node, nl, e);
	netlink_close(nl);
	return err ? err : root_remove_before(&node->pins.root, e);
}

int migrate(struct context *node, struct error *e)
{
	char dir[sizeof(node->pins.root.dir)];
	struct options options = {};
	bool fresh;
	int err;

	root_before(&node->pins.root, dir, sizeof(dir));
	if (access(dir, F_OK))
		return load_ipam(&node->pins, e);
	err = context_read_config(node, e);
	fresh = err == -ENOENT || (!err && !node->config.node[0]);
	if (err && !fresh)
		return err;
	err = load_ipam(&node->pins, e);
	if (!err && !fresh)
		err = context_check_netns(node, e);
	if (!err)
		err = prepare(node, fresh, &options, e);
	if (err && fresh)
		root_remove(&node->pins.root, NULL);
	if (!err)
		err = finish(node, &options, e);
	options_free(&options);
	return err;
}

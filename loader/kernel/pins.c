// SPDX-License-Identifier: GPL-2.0-only
/* Pinned maps and programs, opened on first use. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/kernel/pins.h"

const char *const pinned_map_names[PIN_MAPS] = {
	[PIN_IPAM] = "pp_ipam",         [PIN_CONFIG] = "pp_config",
	[PIN_POOLS] = "pp_pools",       [PIN_POOL_IDS] = "pp_pool_ids",
	[PIN_POOL_CIDRS] = "pp_pool_cidrs", [PIN_BLOCKS] = "pp_blocks",
	[PIN_IPS] = "pp_ips",           [PIN_LEASES] = "pp_leases",
	[PIN_PENDING] = "pp_pending",   [PIN_OBJECTS] = "pp_objects",
	[PIN_PODS] = "pp_pods",         [PIN_POD_IPS] = "pp_pod_ips",
	[PIN_CIDRS] = "pp_cidrs",       [PIN_NOMASQ] = "pp_nomasq",
	[PIN_UPLINKS] = "pp_uplinks",   [PIN_FLOWS] = "pp_flows",
	[PIN_FLOW_FWD] = "pp_flow_fwd", [PIN_FLOW_REV] = "pp_flow_rev",
	[PIN_FRAGS] = "pp_frags",       [PIN_FRAG_IDS] = "pp_frag_ids",
	[PIN_INBOUND] = "pp_inbound",   [PIN_EXPIRIES] = "pp_expiries",
	[PIN_STATS] = "pp_stats",       [PIN_EVENTS] = "pp_events",
	[PIN_DISPATCH] = "pp_dispatch", [PIN_CALLS] = "pp_calls",
	[PIN_RANGES] = "pp_ranges",     [PIN_FLOW_TABLE] = "pp_flow_table",
	[PIN_POD_FLOWS] = "pp_pod_flows",
	[PIN_NODE_CONNS] = "pp_node_conns", [PIN_NODE_IPS] = "pp_node_ips",
	[PIN_DROP_TIMES] = "pp_drop_times",    [PIN_EXCLUDED] = "pp_excluded",
	[PIN_DEMAND] = "pp_demand",            [PIN_NODES] = "pp_nodes",
	[PIN_METADATA] = "pp_metadata",        [PIN_ENDPOINTS] = "pp_endpoints",
	[PIN_SERVICES] = "pp_services",        [PIN_MEMBERS] = "pp_members",
	[PIN_BACKENDS] = "pp_backends",        [PIN_SOURCE_RANGES] = "pp_source_ranges",
	[PIN_SOCKETS] = "pp_sockets",          [PIN_PEERS] = "pp_peers",
	[PIN_AFFINITY] = "pp_affinity",
};

const char *const pinned_prog_names[PIN_PROGS] = {
	[PROG_LEASE] = "pp_lease",             [PROG_BIND] = "pp_bind",
	[PROG_DYING] = "pp_dying",             [PROG_RELEASE] = "pp_release",
	[PROG_POOL_SET] = "pp_pool_set",       [PROG_POOL_DELETE] = "pp_pool_delete",
	[PROG_BLOCK_CARVE] = "pp_block_carve", [PROG_BLOCK_DROP] = "pp_block_drop",
	[PROG_BLOCK_STATE] = "pp_block_state", [PROG_BLOCK_EXCLUDE] = "pp_block_exclude",
	[PROG_POD_ENTRY] = "pp_pod_entry",     [PROG_FROM_POD] = "pp_from_pod",
	[PROG_FROM_NET] = "pp_from_net",       [PROG_TO_NET] = "pp_to_net",
	[PROG_FROM_NET_SLOW] = "pp_from_net_slow",
	[PROG_MASQUERADE] = "pp_masquerade",   [PROG_MASQUERADE_SLOW] = "pp_masquerade_slow",
	[PROG_FLOWS_ARM] = "pp_flows_arm",     [PROG_FLOWS_STALE] = "pp_flows_stale",
	[PROG_GUARD] = "pp_guard",
	[PROG_CLOCK] = "pp_clock_hz",          [PROG_SERVICE_SET] = "pp_service_set",
	[PROG_CONNECT4] = "pp_connect4",       [PROG_CONNECT6] = "pp_connect6",
	[PROG_SEND4] = "pp_send4",             [PROG_SEND6] = "pp_send6",
	[PROG_RECEIVE4] = "pp_receive4",       [PROG_RECEIVE6] = "pp_receive6",
	[PROG_GETPEERNAME4] = "pp_getpeername4", [PROG_GETPEERNAME6] = "pp_getpeername6",
	[PROG_POST_BIND4] = "pp_post_bind4",   [PROG_POST_BIND6] = "pp_post_bind6",
};

void pins_init(struct pins *pins)
{
	memset(pins->map, 0xff, sizeof(pins->map));
	memset(pins->prog, 0xff, sizeof(pins->prog));
	pins->root.path_fd = pins->root.dir_fd = -1;
}

static void close_all(int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

void pins_forget(struct pins *pins)
{
	close_all(pins->map, PIN_MAPS);
	close_all(pins->prog, PIN_PROGS);
}

void pins_close(struct pins *pins)
{
	pins_forget(pins);
	root_close(&pins->root);
}

void pins_path(const struct pins *pins, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", pins->root.dir, name);
}

static int open_pin(struct pins *pins, int *fd, const char *folder, const char *name)
{
	char path[PATH_MAX + 64];

	if (*fd >= 0)
		return *fd;
	snprintf(path, sizeof(path), "%s/%s%s", pins->root.dir, folder, name);
	*fd = bpf_obj_get(path);
	return *fd < 0 ? -errno : *fd;
}

int pins_map(struct pins *pins, enum pinned_map map)
{
	return open_pin(pins, &pins->map[map], "", pinned_map_names[map]);
}

int pins_prog(struct pins *pins, enum pinned_prog prog)
{
	return open_pin(pins, &pins->prog[prog], "prog/", pinned_prog_names[prog]);
}

int pins_error(struct pins *pins, const char *name, int err, struct error *e)
{
	if (err == -ENOENT)
		return error_set(e, err, "%s: pin of %s is missing; run 'pinpool up' to repair it",
				 pins->root.path, name);
	return error_set(e, err, "%s: cannot open %s: %s; run 'pinpool up' to repair it",
			 pins->root.path, name, strerror(-err));
}

// SPDX-License-Identifier: GPL-2.0-only
/* What a node has outside its maps: hooks on uplinks, routes, sysctls. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/host/guard.h"
#include "loader/check/health_parts.h"
#include "loader/net/link.h"
#include "loader/kernel/map.h"
#include "loader/net/routes.h"
#include "loader/net/sysctl.h"
#include "loader/host/uplink.h"
#include "maps/uplinks.h"

struct uplink_entry {
	uint32_t ifindex;
	struct uplink uplink;
};

static size_t read_uplinks(struct node *node, struct uplink_entry **list)
{
	int fd = pins_map(&node->pins, PIN_UPLINKS);
	size_t count;

	*list = NULL;
	if (fd < 0 || map_read_all(fd, sizeof(uint32_t), offsetof(struct uplink_entry, uplink),
				   sizeof(struct uplink), sizeof(**list), (void **)list, &count))
		return 0;
	return count;
}

static uint32_t id_of(struct node *node, enum pinned_prog program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = pins_prog(&node->pins, program);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

static void check_hooks(struct health_part *p, struct examination *x, const struct uplink_entry *u)
{
	static const char *const directions[] = {
		[TC_INGRESS] = "ingress", [TC_EGRESS] = "egress"
	};
	static const enum pinned_prog programs[] = {
		[TC_INGRESS] = PROG_FROM_NET, [TC_EGRESS] = PROG_TO_NET
	};
	char pin[PATH_MAX + 64];
	struct error e;
	uint32_t id;

	for (int d = TC_INGRESS; d <= TC_EGRESS; d++) {
		uplink_pin(x->node, u->uplink.ifname, d, pin, sizeof(pin));
		if (tc_uplink_program(x->nl, u->ifindex, d, pin, &id, &e))
			part_fail(p, "%s: %s", u->uplink.ifname, e.text);
		else if (!id)
			part_fail(p, "%s has no program at %s", u->uplink.ifname, directions[d]);
		else if (id != id_of(x->node, programs[d]))
			part_fail(p, "%s has another program at %s", u->uplink.ifname,
				  directions[d]);
	}
}

/*
 * The address that pods are masqueraded as is noted by `up` and `apply`; it may have changed
 * since.
 */
static void check_addresses(struct health_part *p, struct examination *x,
			    const struct uplink_entry *u)
{
	char was[ADDR_TEXT], is[ADDR_TEXT];
	struct address *own;
	size_t count;

	if (address_list(x->nl, &own, &count, NULL))
		return;
	for (int f = 0; f < FAMILIES; f++) {
		const struct address *a = address_primary(own, count, u->ifindex, f);
		const struct addr none = {}, *now = a ? &a->addr : &none;

		if (addr_compare(now, &u->uplink.address[f]))
			part_fail(p, "%s has the %s address %s and pinpool knows %s",
				  u->uplink.ifname, family_name(f),
				  addr_is_zero(now) ? "(none)" : addr_format(now, is),
				  addr_is_zero(&u->uplink.address[f])
					  ? "(none)"
					  : addr_format(&u->uplink.address[f], was));
	}
	free(own);
}

static void check_uplink(struct health_part *p, struct examination *x, const struct uplink_entry *u)
{
	struct link link;

	if (link_get(x->nl, NULL, u->ifindex, &link, NULL)) {
		part_fail(p, "%s is gone", u->uplink.ifname);
		return;
	}
	if (strcmp(link.name, u->uplink.ifname))
		part_fail(p, "%s is called %s now", u->uplink.ifname, link.name);
	check_hooks(p, x, u);
	check_addresses(p, x, u);
	part_note(p, "%s", u->uplink.ifname);
}

void health_uplinks(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "uplinks");
	uint32_t defaults[UPLINKS_MAX];
	struct uplink_entry *list;
	size_t count = read_uplinks(x->node, &list), default_count = 0;

	for (size_t i = 0; i < count; i++)
		check_uplink(p, x, &list[i]);
	free(list);
	route_default_devices(x->nl, defaults, UPLINKS_MAX, &default_count, NULL);
	if (!count && (x->options.device_count || default_count))
		part_fail(p, "none is attached");
	else if (!count)
		part_note(p, "none, for there is no default route");
	part_end(p, "run 'pinpool up'");
}

void health_xdp(struct health *h, struct examination *x)
{
	static const char *const modes[] = {
		[GUARD_NONE] = "",
		[GUARD_DISPATCHER] = "native by libxdp's dispatcher",
		[GUARD_SINGLE] = "native, alone: the kernel refused libxdp's dispatcher",
	};
	bool wanted = x->options.xdp_guard == XDP_GUARD_NATIVE;
	struct health_part *p = part_begin(h, "xdp");
	struct uplink_entry *list;
	size_t count = read_uplinks(x->node, &list);

	if (!wanted)
		part_note(p, "disabled");
	for (size_t i = 0; i < count; i++) {
		enum guard_mode mode = guard_query(list[i].ifindex);

		if (wanted && mode == GUARD_NONE)
			part_fail(p, "%s has no guard", list[i].uplink.ifname);
		else if (!wanted && mode != GUARD_NONE)
			part_fail(p, "%s has a guard though xdp-guard is disabled",
				  list[i].uplink.ifname);
		else if (wanted)
			part_note(p, "%s %s", list[i].uplink.ifname, modes[mode]);
	}
	if (wanted && !count)
		part_note(p, "native, on no uplink");
	free(list);
	part_end(p, "run 'pinpool up'");
}

static void count_state(const struct route *route, enum routes_state state, void *arg)
{
	(void)route;
	((size_t *)arg)[state]++;
}

/*
 * Blocks without a direct route, which direct-routing-skip-unreachable leaves to other routing: the
 * first one's node is named.
 */
static void note_skipped(struct health_part *p, const struct examination *x)
{
	const struct claim *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < x->facts.claim_count && x->options.auto_direct_node_routes; i++) {
		const struct claim *c = &x->facts.claims[i];
		uint32_t ifindex;

		if (addr_is_zero(&c->next_hop) ||
		    route_is_onlink(x->nl, &c->next_hop, &ifindex, NULL) > 0)
			continue;
		first = first ? first : c;
		count++;
	}
	if (count && x->options.direct_routing_skip_unreachable)
		part_note(p, "%zu skipped (node %s is not on a common link)", count, first->node);
	else if (count)
		part_fail(p,
			  "%zu impossible (node %s is not on a common link: connect it, or set direct-routing-skip-unreachable=true and route it by BGP)",
			  count, first->node);
}

void health_routes(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "routes");
	size_t count, by_state[ROUTES_SURPLUS + 1] = {};
	struct route *wanted = NULL;
	struct error e;
	int err = routes_wanted(x->node, &x->facts, &x->options, x->nl, &wanted, &count, &e);

	if (!err)
		err = routes_compare(x->nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES,
				     wanted, count, count_state, by_state, &e);
	free(wanted);
	if (err) {
		part_fail(p, "%s", e.text);
		return;
	}
	part_note(p, "%zu as they should be", by_state[ROUTES_OK]);
	note_skipped(p, x);
	if (by_state[ROUTES_MISSING])
		part_fail(p, "%zu missing", by_state[ROUTES_MISSING]);
	if (by_state[ROUTES_DIFFERENT])
		part_fail(p, "%zu different", by_state[ROUTES_DIFFERENT]);
	if (by_state[ROUTES_SURPLUS])
		part_fail(p, "%zu too many", by_state[ROUTES_SURPLUS]);
	part_end(p, "run 'pinpool check --fix', 'pinpool get routes' shows them");
}

/* "net.ipv4.ip_forward", as people write it; dots of an interface's name become slashes. */
static const char *sysctl_text(const char *path, char text[SYSCTL_NAME])
{
	size_t i;

	for (i = 0; path[i] && i < SYSCTL_NAME - 1; i++)
		text[i] = path[i] == '/' ? '.' : path[i] == '.' ? '/' : path[i];
	text[i] = 0;
	return text;
}

void health_sysctls(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "sysctls");
	struct sysctl_wanted *wanted;
	const char *names[UPLINKS_MAX];
	struct uplink_entry *list;
	struct sysctl_host host = {
		.ipv4 = x->options.enable_ipv4,
		.ipv6 = x->options.enable_ipv6,
		.uplinks = names,
		.port_min = x->options.snat_port_min,
		.port_max = x->options.snat_port_max,
	};
	char text[SYSCTL_NAME];
	struct error e;
	size_t count;

	host.uplink_count = read_uplinks(x->node, &list);
	for (size_t i = 0; i < host.uplink_count && i < UPLINKS_MAX; i++)
		names[i] = list[i].uplink.ifname;
	if (sysctl_plan(&host, &wanted, &count, &e)) {
		part_fail(p, "%s", e.text);
	} else {
		part_note(p, "%zu as they must be", count);
		for (size_t i = 0; i < count; i++)
			if (strcmp(wanted[i].previous, wanted[i].value))
				part_fail(p, "%s is \"%s\" and must be \"%s\"",
					  sysctl_text(wanted[i].name, text), wanted[i].previous,
					  wanted[i].value);
		free(wanted);
		part_end(p, "run 'pinpool up'");
	}
	free(list);
}

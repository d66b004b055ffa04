// SPDX-License-Identifier: GPL-2.0-only
/* What a node has outside its maps: hooks on uplinks, routes, sysctls. */
#include <stdlib.h>
#include <string.h>

#include "loader/host/guard.h"
#include "loader/check/health_parts.h"
#include "loader/host/sysctls.h"
#include "loader/host/uplink.h"

static size_t read_uplinks(struct context *node, struct uplink_entry **list)
{
	size_t count;

	return uplinks_read(node, list, &count, NULL) ? 0 : count;
}

static void report_problem(const char *text, void *part)
{
	part_fail(part, "%s", text);
}

static void report_note(const char *text, void *part)
{
	part_note(part, "%s", text);
}

void health_uplinks(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "uplinks");
	const struct uplink_report report = { report_problem, report_note, p };

	if (x->node->config.down) {
		part_fail(p, "detached by 'pinpool down'; run 'pinpool up'");
		return;
	}
	uplinks_compare(x->node, x->nl, &x->options, &report);
	part_end(p, "run 'pinpool gc'");
	uplinks_bypassed(x->node, x->nl, &x->options, &report);
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

	for (size_t i = 0; i < x->s.claim_count && x->options.auto_direct_node_routes; i++) {
		const struct claim *c = &x->s.claims[i];

		if (addr_is_zero(&c->next_hop) || state_claim_hop(&x->s, x->nl, c))
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
	size_t by_state[ROUTES_SURPLUS + 1] = {};
	const struct sources sources = { x->node, &x->s, &x->options, x->nl };
	struct error e;

	if (derived_routes_compare(&sources, count_state, by_state, &e)) {
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
	part_end(p, "run 'pinpool gc', 'pinpool get routes' shows them");
}

void health_sysctls(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "sysctls");
	struct sysctl_expected *wanted;
	char text[SYSCTL_NAME];
	struct error e;
	size_t count;

	if (host_sysctls(x->node, &x->options, &wanted, &count, &e)) {
		part_fail(p, "%s", e.text);
		return;
	}
	part_note(p, "%zu as they must be", count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(wanted[i].previous, wanted[i].value))
			part_fail(p, "%s is \"%s\" and must be \"%s\"",
				  sysctl_text(wanted[i].name, text), wanted[i].previous,
				  wanted[i].value);
	free(wanted);
	part_end(p, "run 'pinpool gc'");
}

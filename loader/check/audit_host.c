// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's links, addresses, neighbours, programs, routes and sysctls. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/check/audit_parts.h"
#include "loader/host/sysctls.h"
#include "loader/net/netns.h"
#include "loader/pod/link_list.h"
#include "loader/pod/restore.h"
#include "loader/net/routes.h"
#include "loader/host/uplink.h"
#include "loader/services/sockets.h"

static void check_link(struct audit *a, const struct pod_link_entry *link)
{
	struct lease lease;

	if (link->kind == POD_LINK_PARTIAL)
		violation(a, "interface %s: is incomplete and its process is gone", link->name);
	else if (ipam_lease_read(&a->node->pins, &link->alias.owner, &lease) ||
		 lease.ifindex != link->ifindex || lease.generation != link->alias.generation)
		violation(a, "interface %s: no lease has it (owner %s)", link->name, link->alias.owner.id);
}

static int check_orphans(struct audit *a, struct error *e)
{
	struct pod_link_entry *links;
	size_t count;
	int err = pod_link_list_others(a->nl, a->s.leases, a->s.lease_count, &links, &count, e);

	for (size_t i = 0; !err && i < count; i++)
		check_link(a, &links[i]);
	if (!err)
		free(links);
	return err;
}

void audit_pod(struct audit *a, size_t lease, int program)
{
	const struct lease_entry *l = &a->s.leases[lease];
	const struct pod *pod = &a->s.pods[l->lease.slot].pod;
	int netns = l->lease.netns[0] ? netns_open(l->lease.netns, NULL) : -1;
	char who[LEASE_TEXT];
	struct pod_link spec;
	struct error e;

	lease_text(l, who);
	if (state_lease_of(&a->s, l->lease.slot) == l && pod->state != POD_READY)
		violation(a, "%s: is bound and slot %u is not published", who, l->lease.slot);
	pod_spec(a->node, l, pod, netns < 0 ? -1 : netns, program, &spec);
	if (pod_link_check(a->nl, &spec, l->lease.ifindex, &e))
		violation(a, "%s: %s", who, e.text);
	if (netns >= 0)
		close(netns);
}

int audit_links(struct audit *a, struct error *e)
{
	int program = pins_prog(&a->node->pins, PROG_POD_ENTRY);

	if (program < 0)
		return pins_error(&a->node->pins, "pp_pod_entry", program, e);
	for (size_t i = 0; i < a->s.lease_count; i++) {
		const struct lease *l = &a->s.leases[i].lease;

		if (l->state == LEASE_BOUND && l->slot < a->s.pod_count)
			audit_pod(a, i, program);
	}
	return check_orphans(a, e);
}

static void report_route(const struct route *route, enum routes_state state, void *arg)
{
	static const char *const what[] = {
		[ROUTES_MISSING] = "missing",
		[ROUTES_DIFFERENT] = "wrong",
		[ROUTES_SURPLUS] = "unexpected",
	};
	char text[PREFIX_TEXT];

	if (state != ROUTES_OK)
		violation(arg, "route %s is %s", prefix_format(&route->to, text), what[state]);
}

static void report_uplink(const char *text, void *arg)
{
	violation(arg, "uplinks: %s", text);
}

void audit_host(struct audit *a)
{
	const struct uplink_report report = { .problem = report_uplink, .arg = a };
	struct sysctl_expected *wanted;
	char text[SYSCTL_NAME], sockets[SOCKETS_TEXT];
	struct error e;
	size_t count;

	if (!a->node->config.down) {
		uplinks_compare(a->node, a->nl, &a->options, &report);
		if (sockets_read(a->node, &a->options, sockets) == SOCKETS_PARTLY)
			violation(a, "sockets: programs are not all attached to %s", sockets);
	}
	if (host_sysctls(a->node, &a->options, &wanted, &count, &e))
		violation(a, "%s", e.text);
	for (size_t i = 0; i < count; i++)
		if (strcmp(wanted[i].previous, wanted[i].value))
			violation(a, "sysctl %s: is \"%s\", must be \"%s\"",
				  sysctl_text(wanted[i].name, text), wanted[i].previous,
				  wanted[i].value);
	free(wanted);
}

int audit_routes(struct audit *a, struct error *e)
{
	const struct sources x = { a->node, &a->s, &a->options, a->nl };

	return derived_routes_compare(&x, report_route, a, e);
}

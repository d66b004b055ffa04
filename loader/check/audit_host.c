// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's links, addresses, neighbours, programs and routes, and the derived maps. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/check/audit_parts.h"
#include "loader/host/sysctls.h"
#include "loader/kernel/map.h"
#include "loader/net/netns.h"
#include "loader/pod/restore.h"
#include "loader/net/routes.h"
#include "loader/host/uplink.h"

struct by_ifindex {
	uint32_t ifindex;
	size_t lease;
};

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The bound leases by the index of their host's end. */
static struct by_ifindex *index_leases(const struct audit *a, size_t *count)
{
	struct by_ifindex *list = xcalloc(a->s.lease_count, sizeof(*list));

	*count = 0;
	for (size_t i = 0; i < a->s.lease_count; i++)
		if (a->s.leases[i].lease.ifindex)
			list[(*count)++] = (struct by_ifindex){ a->s.leases[i].lease.ifindex, i };
	if (*count)
		qsort(list, *count, sizeof(*list), compare_ifindex);
	return list;
}

static void check_link(struct audit *a, const struct pod_link_entry *link,
		       const struct by_ifindex *list, size_t count)
{
	const struct by_ifindex *found = NULL;

	if (count)
		found = bsearch(&link->ifindex, list, count, sizeof(*list), compare_ifindex);
	if (link->kind == POD_LINK_HALF)
		violation(a, "interface %s: is half made and its maker is gone", link->name);
	else if (!found || a->s.leases[found->lease].lease.generation != link->alias.generation)
		violation(a, "interface %s: no lease has it (owner %s)", link->name,
			  link->alias.owner.id);
}

static int check_orphans(struct audit *a, struct error *e)
{
	struct pod_link_entry *links;
	struct by_ifindex *list;
	size_t count, link_count;
	int err = pod_link_list(a->nl, &links, &link_count, e);

	if (err)
		return err;
	list = index_leases(a, &count);
	for (size_t i = 0; i < link_count; i++)
		check_link(a, &links[i], list, count);
	free(list);
	free(links);
	return 0;
}

void audit_pod_link(struct audit *a, const struct lease_entry *l, int program)
{
	const struct pod *pod = &a->s.pods[l->lease.slot].pod;
	int netns = l->lease.netns[0] ? netns_open(l->lease.netns, NULL) : -1;
	char who[LEASE_TEXT];
	struct pod_link spec;
	struct error e;

	pod_spec(a->node, l, pod, netns < 0 ? -1 : netns, program, &spec);
	if (pod_link_check(a->nl, &spec, l->lease.ifindex, &e))
		violation(a, "%s: %s", lease_text(l, who), e.text);
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
			audit_pod_link(a, &a->s.leases[i], program);
	}
	return check_orphans(a, e);
}

static void report_route(const struct route *route, enum routes_state state, void *arg)
{
	static const char *const what[] = {
		[ROUTES_MISSING] = "is missing",
		[ROUTES_DIFFERENT] = "is not as it must be",
		[ROUTES_SURPLUS] = "belongs to nothing",
	};
	char text[PREFIX_TEXT];

	if (state != ROUTES_OK)
		violation(arg, "route %s: %s", prefix_format(&route->to, text), what[state]);
}

static void report_uplink(const char *text, void *arg)
{
	violation(arg, "uplinks: %s", text);
}

void audit_host(struct audit *a)
{
	const struct uplink_report report = { .problem = report_uplink, .arg = a };
	struct sysctl_wanted *wanted;
	char text[SYSCTL_NAME];
	struct error e;
	size_t count;

	if (!a->node->config.down)
		uplinks_compare(a->node, a->nl, &a->options, &report);
	if (host_sysctls(a->node, &a->options, &wanted, &count, &e))
		violation(a, "%s", e.text);
	for (size_t i = 0; i < count; i++)
		if (strcmp(wanted[i].previous, wanted[i].value))
			violation(a, "sysctl %s: is \"%s\", must be \"%s\"",
				  sysctl_text(wanted[i].name, text), wanted[i].previous,
				  wanted[i].value);
	free(wanted);
}

static void report_trie(const char *map, const struct prefix *prefix, const char *what, void *arg)
{
	char text[PREFIX_TEXT];

	violation(arg, "%s: %s is %s", map, prefix_format(prefix, text), what);
}

int audit_derived(struct audit *a, struct error *e)
{
	const struct trie_report report = { report_trie, a };
	struct route *wanted = NULL;
	size_t count;
	int err = routes_wanted(a->node, &a->s.facts, &a->options, a->nl, &wanted, &count, e);

	if (!err)
		err = routes_compare(a->nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES,
				     wanted, count, report_route, a, e);
	free(wanted);
	if (!err)
		err = tries_compare(a->node, &a->s.facts, &a->options, &report, e);
	if (!err && !ranges_are_right(a->node, &a->s.facts))
		violation(a, "pp_ranges: does not cover the blocks as it should");
	return err;
}

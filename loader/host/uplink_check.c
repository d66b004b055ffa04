// SPDX-License-Identifier: GPL-2.0-only
/* The uplinks compared with the interfaces and the routes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/kernel/map.h"
#include "loader/net/route.h"
#include "loader/host/uplink.h"
#include "maps/nomasq.h"

#define NOTES_MAX 4 /* routes listed by name, the rest is a number */

struct comparison {
	struct context *node;
	struct netlink *nl;
	const struct options *options;
	const struct uplink_report *report;
	struct uplink_entry *list;
	size_t count;
};

__attribute__((format(printf, 2, 3)))
static void problem(const struct comparison *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->report->problem(text, c->report->arg);
}

static void note(const struct comparison *c, const char *text)
{
	if (c->report->note)
		c->report->note(text, c->report->arg);
}

static void compare_programs(const struct comparison *c, const struct uplink_entry *u)
{
	static const char *const directions[] = {
		[TC_INGRESS] = "ingress", [TC_EGRESS] = "egress"
	};
	struct error e;

	for (int d = TC_INGRESS; d <= TC_EGRESS; d++) {
		int state = uplink_program(c->node, c->nl, u->ifindex, u->uplink.ifname, d, &e);

		if (state < 0)
			problem(c, "%s: %s", u->uplink.ifname, e.text);
		else if (state == UPLINK_DETACHED)
			problem(c, "%s has no program at %s", u->uplink.ifname, directions[d]);
		else if (state == UPLINK_OTHER)
			problem(c, "%s has another program at %s", u->uplink.ifname, directions[d]);
	}
}

/* `up`, `apply` or `gc` has read the address that masquerade uses. */
static void compare_addresses(const struct comparison *c, const struct uplink_entry *u)
{
	char was[ADDR_TEXT], is[ADDR_TEXT];
	const struct addr none = {};
	struct address *own;
	size_t count;

	if (address_list(c->nl, &own, &count, NULL))
		return;
	for (int f = 0; f < FAMILIES; f++) {
		const struct address *a = address_primary(own, count, u->ifindex, f);
		const struct addr *now = a ? &a->addr : &none, *known = &u->uplink.address[f];

		if (addr_compare(now, known))
			problem(c, "%s has the %s address %s and pinpool knows %s", u->uplink.ifname,
				family_name(f), addr_is_zero(now) ? "(none)" : addr_format(now, is),
				addr_is_zero(known) ? "(none)" : addr_format(known, was));
	}
	free(own);
}

static void compare_listed(const struct comparison *c, const struct uplink_entry *u)
{
	struct link link;

	if (link_get(c->nl, NULL, u->ifindex, &link, NULL)) {
		problem(c, "%s is gone", u->uplink.ifname);
		return;
	}
	if (strcmp(link.name, u->uplink.ifname))
		problem(c, "%s was renamed to %s", u->uplink.ifname, link.name);
	compare_programs(c, u);
	compare_addresses(c, u);
	note(c, u->uplink.ifname);
}

static int begin(struct comparison *c)
{
	struct error e;
	int err = uplinks_read(c->node, &c->list, &c->count, &e);

	if (err)
		problem(c, "%s", e.text);
	return err;
}

void uplinks_compare(struct context *node, struct netlink *nl, const struct options *options,
		     const struct uplink_report *report)
{
	struct comparison c = { .node = node, .nl = nl, .options = options, .report = report };
	struct uplink_choice *choice;
	struct error e;

	if (begin(&c))
		return;
	choice = xcalloc(1, sizeof(*choice));
	for (size_t i = 0; i < c.count; i++)
		compare_listed(&c, &c.list[i]);
	if (uplinks_choose(nl, options, choice, &e))
		problem(&c, "%s", e.text);
	for (size_t i = 0; i < choice->count; i++)
		if (!uplink_find(c.list, c.count, choice->list[i].ifindex))
			problem(&c, "%s %s and is not attached", choice->list[i].name,
				options->device_count ? "is one of devices" : "has a default route");
	if (!c.count && !choice->count)
		note(&c, "none (no default route)");
	free(choice);
	free(c.list);
}

/* Whether pods keep their address towards all of @prefix. */
static bool is_native(const struct comparison *c, const struct prefix *prefix)
{
	struct cidr_key key = { .length = prefix->length };
	struct nomasq value;

	memcpy(&key.addr, &prefix->addr, sizeof(key.addr));
	return !bpf_map_lookup_elem(pins_map(&c->node->pins, PIN_NOMASQ), &key, &value);
}

/* A default route, its halves (OpenVPN's), or 2000::/3. */
static bool is_broad(const struct prefix *to)
{
	return prefix_bits(to) < 8;
}

static bool is_bypass(const struct comparison *c, const struct route *r)
{
	enum family family = prefix_family(&r->to);

	if (r->type != RTN_UNICAST || !r->ifindex || r->ifindex == 1 ||
	    !c->node->config.enabled[family] || !c->node->config.masquerade[family] ||
	    uplink_find(c->list, c->count, r->ifindex))
		return false;
	/* Link-local routes never forward packets from other links. */
	if (family == FAMILY_IPV6 && r->to.addr.byte[0] == 0xfe && (r->to.addr.byte[1] & 0xc0) == 0x80)
		return false;
	return !is_native(c, &r->to);
}

static void report_bypass(const struct comparison *c, const struct route *r, unsigned int *notes)
{
	char to[PREFIX_TEXT], text[PREFIX_TEXT + 128];
	struct link link;

	if (link_get(c->nl, NULL, r->ifindex, &link, NULL))
		return;
	prefix_format(&r->to, to);
	if (link.type == ARPHRD_ETHER && !prefix_bits(&r->to) && !c->options->device_count)
		return; /* uplinks_compare() reports it */
	if (is_broad(&r->to)) {
		problem(c, "%s has the route %s and %s, pods' packets by it are dropped (no_uplink); %s",
			link.name, to,
			link.type == ARPHRD_ETHER ? "is not an uplink" : "cannot be one (no Ethernet)",
			link.type == ARPHRD_ETHER ? "add it to devices" :
						    "give pods a route by an Ethernet interface");
	} else if ((*notes)++ < NOTES_MAX) {
		snprintf(text, sizeof(text), "%s by %s is dropped (no_uplink)", to, link.name);
		note(c, text);
	}
}

void uplinks_bypassed(struct context *node, struct netlink *nl, const struct options *options,
		      const struct uplink_report *report)
{
	struct comparison c = { .node = node, .nl = nl, .options = options, .report = report };
	struct route *list = NULL;
	unsigned int notes = 0;
	size_t count = 0;
	struct error e;
	char more[64];

	if (begin(&c))
		return;
	if (route_list(nl, RT_TABLE_MAIN, 0, &list, &count, &e))
		problem(&c, "%s", e.text);
	for (size_t i = 0; i < count; i++)
		if (is_bypass(&c, &list[i]))
			report_bypass(&c, &list[i], &notes);
	if (notes > NOTES_MAX) {
		snprintf(more, sizeof(more), "and %u more", notes - NOTES_MAX);
		note(&c, more);
	}
	free(list);
	free(c.list);
}

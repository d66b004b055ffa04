// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinpool get routes: what pinpool has in the kernel's tables, and whether it is as it should
 * be.
 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/get.h"
#include "loader/net/routes.h"
#include "loader/derive/parts.h"

struct rows {
	struct row {
		struct route route;
		enum routes_state state;
	} * list;
	size_t count;
};

static const char *state_name(enum routes_state state)
{
	static const char *const names[] = {
		[ROUTES_OK] = "ok",
		[ROUTES_MISSING] = "missing",
		[ROUTES_DIFFERENT] = "different",
		[ROUTES_SURPLUS] = "surplus",
	};

	return names[state];
}

static const char *kind_name(const struct route *route)
{
	switch (routes_kind(route)) {
	case ROUTES_BLOCKS:
		return "block";
	case ROUTES_ENDPOINTS:
		return "pod";
	default:
		return "node";
	}
}

static void collect(const struct route *route, enum routes_state state, void *arg)
{
	struct rows *rows = arg;

	if (!(rows->count & (rows->count - 1))) {
		rows->list = reallocarray(rows->list, rows->count ? rows->count * 2 : 1,
					  sizeof(*rows->list));
		if (!rows->list)
			abort();
	}
	rows->list[rows->count++] = (struct row){ *route, state };
}

static int by_destination(const void *a, const void *b)
{
	return prefix_compare(&((const struct row *)a)->route.to,
			      &((const struct row *)b)->route.to);
}

struct route_texts {
	char to[PREFIX_TEXT], gateway[ADDR_TEXT], device[IF_NAMESIZE];
};

static void texts_of(const struct route *r, struct route_texts *t)
{
	prefix_format(&r->to, t->to);
	t->gateway[0] = t->device[0] = 0;
	if (!addr_is_zero(&r->gateway))
		addr_format(&r->gateway, t->gateway);
	if (r->ifindex && !if_indextoname(r->ifindex, t->device))
		snprintf(t->device, sizeof(t->device), "%u", r->ifindex);
}

static json_t *item_of(const struct row *row)
{
	struct route_texts t;

	texts_of(&row->route, &t);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "destination", t.to, "kind",
			 kind_name(&row->route), "gateway", t.gateway, "device", t.device, "state",
			 state_name(row->state));
}

static void add_row(struct table *table, const struct row *row)
{
	struct route_texts t;

	texts_of(&row->route, &t);
	table_add(table, "%s", t.to);
	table_add(table, "%s", kind_name(&row->route));
	table_add(table, "%s", t.gateway);
	table_add(table, "%s", t.device);
	table_add(table, "%s", state_name(row->state));
}

static bool is_named(const struct row *row, const char *name)
{
	struct route_texts t;

	texts_of(&row->route, &t);
	return !name || !strcmp(name, t.to) || !strcmp(name, kind_name(&row->route));
}

static int print_routes(struct get *get, struct rows *rows, struct error *e)
{
	bool items = output_is_items(&get->out);
	struct table table;
	size_t matches = 0;
	int err;

	for (size_t i = 0; i < rows->count; i++)
		if (is_named(&rows->list[i], get->name))
			rows->list[matches++] = rows->list[i];
	if (matches)
		qsort(rows->list, matches, sizeof(*rows->list), by_destination);
	err = get_begin(get, matches, e);
	if (err)
		return err;
	if (!items && matches)
		table_init(&table, "DESTINATION KIND GATEWAY DEVICE STATE");
	for (size_t i = 0; i < matches; i++) {
		char to[PREFIX_TEXT];

		if (items)
			get_item(get, prefix_format(&rows->list[i].route.to, to),
				 item_of(&rows->list[i]));
		else
			add_row(&table, &rows->list[i]);
	}
	if (!items && matches)
		table_write(&table, stdout);
	return 0;
}

int get_routes(struct get *get, struct error *e)
{
	struct options options = {};
	struct route *wanted = NULL;
	struct netlink *nl = NULL;
	struct rows rows = {};
	struct facts facts;
	size_t count;
	int err = facts_read(get->node, &facts, e);

	if (err)
		return err;
	err = node_options(get->node, &options, e);
	if (!err)
		err = netlink_open(&nl, -1, e);
	if (!err)
		err = facts_exclusions(&facts, nl, e);
	if (!err)
		err = routes_wanted(get->node, &facts, &options, nl, &wanted, &count, e);
	if (!err)
		err = routes_compare(nl, 0, ROUTES_BLOCKS | ROUTES_ENDPOINTS | ROUTES_NODES, wanted,
				     count, collect, &rows, e);
	if (!err)
		err = print_routes(get, &rows, e);
	free(rows.list);
	free(wanted);
	netlink_close(nl);
	options_free(&options);
	facts_free(&facts);
	return err;
}

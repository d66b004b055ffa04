// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get routes: those of pinpool in the kernel's tables, and whether they are as expected. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/cmd/get.h"
#include "loader/derive/derive.h"
#include "loader/net/routes.h"
#include "loader/text/text.h"

struct row {
	struct route route;
	enum routes_state state;
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
	struct get *get = arg;
	struct row *list = get->list;

	list = xgrow(list, get->count, sizeof(*list));
	list[get->count++] = (struct row){ *route, state };
	get->list = list;
}

static int read_routes(struct get *get, struct error *e)
{
	struct options options = {};
	struct state state;
	int err = state_read(get->node, STATE_SOURCES | STATE_LEASES, &state, e);

	if (err)
		return err;
	err = context_options(get->node, &options, e);
	if (!err)
		err = state_read_exclusions(&state, get->nl, e);
	if (!err)
		err = derived_routes_compare(&(struct sources){ get->node, &state, &options, get->nl }, collect,
					     get, e);
	options_free(&options);
	state_free(&state);
	return err;
}

static int by_destination(const void *a, const void *b, const struct get *get)
{
	(void)get;
	return prefix_compare(&((const struct row *)a)->route.to, &((const struct row *)b)->route.to);
}

static bool is_named(const struct get *get, const void *entry)
{
	const struct route *r = &((const struct row *)entry)->route;
	char to[PREFIX_TEXT];

	return !strcmp(get->name, prefix_format(&r->to, to)) || !strcmp(get->name, kind_name(r));
}

static json_t *item_of(const struct get *get, const void *entry)
{
	char to[PREFIX_TEXT], gateway[ADDR_TEXT] = "", device[IF_NAMESIZE] = "";
	const struct row *row = entry;
	const struct route *r = &row->route;

	(void)get;
	if (!addr_is_zero(&r->gateway))
		addr_format(&r->gateway, gateway);
	if (r->ifindex && !if_indextoname(r->ifindex, device))
		snprintf(device, sizeof(device), "%u", r->ifindex);
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "destination", prefix_format(&r->to, to), "kind",
			 kind_name(r), "gateway", gateway, "device",
			 text_json(device, strlen(device)), "state",
			 state_name(row->state));
}

static const struct column columns[] = {
	COLUMN("DESTINATION", "destination"), COLUMN("KIND", "kind"), COLUMN("GATEWAY", "gateway"),
	COLUMN("DEVICE", "device"),		  COLUMN("STATE", "state"), {},
};

const struct get_kind get_routes = {
	.name = "route", .interfaces = true, .name_path = "destination", .columns = columns,
	.size = sizeof(struct row), .read = read_routes, .is_named = is_named, .order = by_destination,
	.item = item_of,
};

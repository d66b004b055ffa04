// SPDX-License-Identifier: GPL-2.0-only
/* What follows from a few blocks or CiliumNodes that changed. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/blocks/blocks.h"
#include "loader/blocks/changes.h"
#include "loader/blocks/list.h"
#include "loader/blocks/sync.h"
#include "loader/derive/derive.h"
#include "loader/net/route.h"
#include "loader/kernel/map.h"

/* More are faster done all at once. */
#define NODES_AT_ONCE 64

/* The caller's own copy of the configuration may be newer but for this. */
static int is_complete(struct context *node, bool *complete, struct error *e)
{
	struct context now = *node;
	struct ipam ipam;
	int err = context_read_config(&now, e);

	if (!err)
		err = ipam_read(&now.pins, &ipam, e);
	node->pins = now.pins; /* what was opened meanwhile */
	*complete = !err && ipam.generation == now.config.synced;
	return err;
}

int block_changes_begin(struct context *node, struct block_changes *c, struct error *e)
{
	memset(c, 0, sizeof(*c));
	return is_complete(node, &c->complete, e);
}

void block_changes_add(struct block_changes *c, const struct prefix *prefix, bool held)
{
	c->list = xrealloc(c->list, (c->count + 1) * sizeof(*c->list));
	c->list[c->count++] = (struct block_change_entry){ *prefix, held };
}

int block_changes_routes(struct block_changes *c, struct error *e)
{
	struct netlink *nl = NULL;
	int err = 0;

	if (c->has_routes)
		return 0;
	err = netlink_open(&nl, -1, e);
	if (!err)
		err = excluded_by_routes(nl, &c->routes, e);
	netlink_close(nl);
	c->has_routes = !err;
	return err;
}

void block_changes_free(struct block_changes *c)
{
	free(c->list);
	excluded_free(&c->routes);
	memset(c, 0, sizeof(*c));
}

/* What goes needs no look at the host: the transaction has removed what was excluded of it. */
static int sync_exclusions(const struct sources *x, struct block_changes *c, struct state *s,
			   struct error *e)
{
	bool any = false;
	int err;

	for (size_t i = 0; i < c->count; i++)
		any |= c->list[i].held;
	if (!any)
		return 0;
	err = block_changes_routes(c, e);
	if (err)
		return err;
	s->exclusions = c->routes;
	c->routes = (struct exclusions){};
	c->has_routes = false;
	state_exclude_addresses(s);
	return derived_apply(x, DERIVED_EXCLUDED, e);
}

static int sync_routes(const struct state *s, const struct block_changes *c, struct netlink *nl,
		       struct error *e)
{
	struct route route;

	for (size_t i = 0; i < c->count; i++) {
		bool fits = block_route(s, &c->list[i].prefix, &route);

		if (c->list[i].held && fits)
			route_replace(nl, &route);
		else if (!c->list[i].held)
			route_delete(nl, &route);
	}
	return netlink_flush(nl, e);
}

static int sync_changed(struct context *node, struct block_changes *c, const struct prefix *prefixes,
			struct error *e)
{
	struct sync s;
	int err = sync_begin(node, prefixes, c->count, &s, e);

	if (!err)
		err = derived_apply_prefixes(&s.sources, prefixes, c->count, e);
	if (!err)
		err = derived_apply(&s.sources, DERIVED_RANGES, e);
	if (!err)
		err = sync_exclusions(&s.sources, c, &s.state, e);
	if (!err)
		err = sync_routes(&s.state, c, s.sources.nl, e);
	return sync_end(node, &s, err, e);
}

int block_changes_sync(struct context *node, struct block_changes *c, struct error *e)
{
	struct prefix *prefixes = xcalloc(c->count, sizeof(*prefixes));
	int err = 0;

	for (size_t i = 0; i < c->count; i++)
		prefixes[i] = c->list[i].prefix;
	if (c->count && !c->complete)
		err = sync_blocks(node, e);
	else if (c->count)
		err = sync_changed(node, c, prefixes, e);
	free(prefixes);
	return err;
}

int node_changes_begin(struct context *node, struct node_changes *c, struct error *e)
{
	bool complete;
	int err = is_complete(node, &complete, e);

	c->same_services &= complete;
	if (err || !c->count)
		return err;
	err = remote_read(node, &c->before, e);
	c->complete &= complete && c->count <= NODES_AT_ONCE;
	if (!err)
		err = note_synced(node, SYNCED_UNKNOWN, e);
	return err ? err : remote_forget(node, e);
}

int node_changes_end(struct context *node, struct node_changes *c, struct error *e)
{
	return c->count ? remote_replace(node, &c->before, c->list, c->count, e) : 0;
}

void node_changes_free(struct node_changes *c)
{
	remote_free(&c->before);
	free(c->list);
	memset(c, 0, sizeof(*c));
}

/* Everything that has to do with the nodes, before and after. */
struct affected {
	struct claim *before;
	size_t before_count;
	struct prefix *prefixes;
	size_t count;
};

static void add_prefix(struct affected *a, const struct prefix *prefix)
{
	a->prefixes = xgrow(a->prefixes, a->count, sizeof(*a->prefixes));
	a->prefixes[a->count++] = *prefix;
}

static bool is_changed(const struct node_changes *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->list[i].name, name))
			return true;
	return false;
}

/* Where a name begins tells nodes apart: each is compared once. */
static void add_rows(struct context *node, const struct node_changes *c, const struct remote *r,
		     struct affected *a, bool before)
{
	signed char *changed = xcalloc(r->names_size, 1);

	for (size_t i = 0; i < r->block_count + r->address_count; i++) {
		const struct remote_row *row = &r->blocks[i];
		signed char *known = &changed[row->node < r->names_size ? row->node : 0];

		if (!*known)
			*known = is_changed(c, remote_name(r, row->node)) ? 1 : -1;
		if (*known < 0)
			continue;
		add_prefix(a, &row->prefix);
		if (!before || row->kind != REMOTE_BLOCK)
			continue;
		a->before = xrealloc(a->before, (a->before_count + 1) * sizeof(*a->before));
		a->before[a->before_count++] =
			remote_claim(r, row, node->config.default_pool_name);
	}
	free(changed);
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void make_unique(struct affected *a)
{
	size_t kept = 0;

	if (a->count)
		qsort(a->prefixes, a->count, sizeof(*a->prefixes), by_prefix);
	for (size_t i = 0; i < a->count; i++)
		if (!kept || !prefix_equal(&a->prefixes[kept - 1], &a->prefixes[i]))
			a->prefixes[kept++] = a->prefixes[i];
	a->count = kept;
}

/* An address of a node in a local block: then that block's route may be in its way. */
static bool touches_blocks(const struct state *s, const struct affected *a)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t b = 0; b < s->block_count; b++)
			if (prefix_overlaps(&a->prefixes[i], &s->blocks[b].block.prefix))
				return true;
	return false;
}

static int sync_affected(struct context *node, const struct affected *a, const struct state *s,
			 const struct options *options, struct error *e)
{
	struct sources x = { node, s, options, NULL };
	int err = netlink_open(&x.nl, -1, e), routes = 0;

	if (!err)
		err = derived_apply_prefixes(&x, a->prefixes, a->count, e);
	if (!err)
		routes = sync_claim_routes(&x, a->before, a->before_count, e);
	if (!err && routes >= 0)
		err = note_synced(node, s->ipam.generation, routes ? NULL : e);
	if (!err && routes >= 0 && block_list_write(node, NULL, e))
		err = BLOCKS_UNLISTED;
	netlink_close(x.nl);
	return err ? err : routes;
}

int node_changes_sync(struct context *node, const struct node_changes *c,
		      const struct options *options, struct error *e)
{
	struct affected a = {};
	struct state state;
	int err;

	if (!c->complete)
		return sync_all(node, options, !c->same_services, e);
	err = state_read_some(node, STATE_SOURCES, NULL, 0, &state, e);
	if (err)
		return err;
	add_rows(node, c, &c->before, &a, true);
	add_rows(node, c, &state.remote, &a, false);
	make_unique(&a);
	state_add_remote(node, &state, a.prefixes, a.count);
	err = touches_blocks(&state, &a) ? sync_all(node, options, false, e)
					 : sync_affected(node, &a, &state, options, e);
	state_free(&state);
	free(a.prefixes);
	free(a.before);
	return err;
}

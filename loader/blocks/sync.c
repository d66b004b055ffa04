// SPDX-License-Identifier: GPL-2.0-only
/* Brings what is derived up to date, and notes in pp_config of which generation it is. */
#include <string.h>

#include "loader/blocks/list.h"
#include "loader/blocks/blocks.h"
#include "loader/blocks/sync.h"

/* The rest of the configuration may have been changed by `gc` since it was read. */
int note_synced(struct context *node, uint64_t generation, struct error *e)
{
	struct context now = *node;
	int err = context_read_config(&now, e);

	now.config.synced = node->config.synced = generation;
	if (!err)
		err = context_write_config(&now, e);
	node->pins = now.pins; /* what was opened meanwhile */
	return err;
}

int sync_begin(struct context *node, const struct prefix *changed, size_t count, struct sync *s,
	       struct error *e)
{
	int err;

	*s = (struct sync){ .sources = { node, &s->state, &s->options, NULL } };
	err = changed ? state_read_some(node, STATE_SOURCES, changed, count, &s->state, e)
		      : state_read(node, STATE_SOURCES, &s->state, e);
	if (!err)
		err = context_options(node, &s->options, e);
	if (!err)
		err = netlink_open(&s->sources.nl, -1, e);
	return err;
}

int sync_end(struct context *node, struct sync *s, int err, struct error *e)
{
	if (!err)
		err = note_synced(node, s->state.ipam.generation, e);
	/* What is held was listed before: a list with too much is for gc and `status`. */
	if (!err)
		block_list_write(node, NULL, NULL);
	netlink_close(s->sources.nl);
	options_free(&s->options);
	state_free(&s->state);
	return err;
}

int sync_blocks(struct context *node, struct error *e)
{
	struct sync s;
	int err = sync_begin(node, NULL, 0, &s, e);

	if (!err)
		err = derived_apply(&s.sources, DERIVED_ALL & ~DERIVED_EXCLUDED, e);
	if (!err)
		err = state_read_exclusions(&s.state, s.sources.nl, e);
	if (!err)
		err = derived_apply(&s.sources, DERIVED_EXCLUDED, e);
	if (!err)
		err = sync_block_routes(&s.sources, NULL, e);
	return sync_end(node, &s, err, e);
}

int sync_hosts(struct context *node, struct netlink *nl, struct error *e)
{
	struct state state = {};
	const struct sources x = { node, &state, NULL, nl };
	int err = root_lock_derived(&node->pins.root);

	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	err = state_read(node, STATE_BLOCKS | STATE_REMOTE, &state, e);
	if (!err)
		err = state_read_exclusions(&state, nl, e);
	if (!err)
		err = derived_apply(&x, DERIVED_EXCLUDED, e);
	if (!err)
		err = sync_block_routes(&x, NULL, e);
	root_unlock_derived(&node->pins.root);
	state_free(&state);
	return err;
}

int sync_host(struct context *node, const struct options *options, struct netlink *nl,
	      unsigned int *changes, struct error *e)
{
	struct state state;
	const struct sources x = { node, &state, options, nl };
	int err = state_read(node, STATE_SOURCES, &state, e), first;

	if (err)
		return err;
	first = state_read_exclusions(&state, nl, e);
	/* the node's own addresses are in these */
	first = first_error(first, derived_apply(&x, DERIVED_ALL & ~DERIVED_CIDRS, first ? NULL : e));
	first = first_error(first, sync_block_routes(&x, changes, first ? NULL : e));
	first = first_error(first, sync_pod_routes(&x, changes, first ? NULL : e));
	first = first_error(first, sync_node_routes(&x, changes, first ? NULL : e));
	state_free(&state);
	return first == ROUTES_UNREACHABLE ? 0 : first;
}

int sync_all(struct context *node, const struct options *options, bool services, struct error *e)
{
	struct state state;
	struct sources x = { node, &state, options, NULL };
	int err = state_read(node, STATE_SOURCES | (services ? STATE_SERVICES : 0), &state, e), first, routes;

	if (err)
		return err;
	err = netlink_open(&x.nl, -1, e);
	if (err) {
		state_free(&state);
		return err;
	}
	/* one part's failure is no reason to leave the others stale */
	first = state_read_exclusions(&state, x.nl, e);
	first = first_error(first, derived_apply(&x, DERIVED_ALL | (services ? DERIVED_SERVICES : 0), first ? NULL : e));
	first = first_error(first, sync_block_routes(&x, NULL, first ? NULL : e));
	first = first_error(first, sync_endpoint_routes(&x, first ? NULL : e));
	routes = sync_node_routes(&x, NULL, first ? NULL : e);
	first = first_error(first, routes < 0 ? routes : 0);
	if (!first)
		first = note_synced(node, state.ipam.generation, e);
	if (!first && block_list_write(node, NULL, e))
		first = BLOCKS_UNLISTED;
	netlink_close(x.nl);
	state_free(&state);
	return first ? first : routes;
}

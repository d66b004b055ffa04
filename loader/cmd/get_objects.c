// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get nodes, configmaps, nodeconfigs, namespaces: what was applied, and this node itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/base/memory.h"
#include "loader/blocks/ciliumnode.h"
#include "loader/cmd/get.h"
#include "loader/ipam/claims.h"

int get_read_objects(struct get *get, struct error *e)
{
	struct stored *list = NULL;
	int err = store_list(&get->node->pins, get->kind->object, &list, &get->count, e);

	get->list = list;
	return err;
}

/* A node whose CiliumNode nobody applied is as old as its pins. */
static uint64_t node_created(struct context *node)
{
	char path[PATH_MAX + 64];
	struct stat st;

	pins_path(&node->pins, "pp_config", path, sizeof(path));
	return stat(path, &st) ? 0 : st.st_mtime;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct stored *)a)->name, ((const struct stored *)b)->name);
}

/* The applied CiliumNodes, this node's own replaced by what it is now. */
static void put_own(struct context *node, struct state *state, const struct options *options)
{
	json_t *json = ciliumnode_own(node, state, options);
	struct stored *own = NULL;

	for (size_t i = 0; i < state->node_count; i++)
		if (!strcmp(state->nodes[i].name, node->config.node))
			own = &state->nodes[i];
	if (own) {
		stored_forget(own);
		free(own->text);
		own->text = NULL;
	} else {
		state->nodes =
			xrealloc(state->nodes, (state->node_count + 1) * sizeof(*state->nodes));
		own = &state->nodes[state->node_count++];
		memset(own, 0, sizeof(*own));
		own->kind = OBJECT_CILIUMNODE;
		memcpy(own->name, node->config.node, sizeof(node->config.node));
		own->created = node_created(node);
	}
	own->json = json;
	qsort(state->nodes, state->node_count, sizeof(*state->nodes), by_name);
}

static int read_nodes(struct get *get, struct error *e)
{
	struct options options = {};
	struct state state;
	int err = state_read(get->node, STATE_POOLS | STATE_BLOCKS | STATE_NODES, &state, e);

	if (err)
		return err;
	err = context_options(get->node, &options, e);
	if (!err) {
		put_own(get->node, &state, &options);
		get->list = state.nodes;
		get->count = state.node_count;
		state.nodes = NULL;
		state.node_count = 0;
	}
	options_free(&options);
	state_free(&state);
	return err;
}

void get_free_objects(struct get *get)
{
	stored_free(get->list, get->count);
}

bool get_is_object_named(const struct get *get, const void *entry)
{
	const struct stored *s = entry;

	char name[STORE_NAME];

	return !strcmp(qualified_name(s->kind, get->name, name), s->name);
}

json_t *get_object_item(const struct get *get, const void *entry)
{
	struct stored *s = (struct stored *)entry;
	json_t *json = json_incref((json_t *)stored_parse(s));

	/* one at a time, where it can be parsed again */
	if (s->text)
		stored_forget(s);
	return kubectl_object(get, json, s->created);
}

/* The node's addresses of a type. */
static void column_addresses(const json_t *ciliumnode, const char *type, char *text)
{
	char one[ADDR_TEXT];
	struct addr addr;
	size_t used = 0;

	*text = 0;
	for (int f = 0; f < FAMILIES; f++)
		if (ciliumnode_address(ciliumnode, type, f, &addr))
			used += snprintf(text + used, COLUMN_TEXT - used, "%s%s", used ? "," : "",
					 addr_format(&addr, one));
}

static const struct column node_columns[] = {
	COLUMN("NAME", "metadata.name"),
	COLUMN("CILIUMINTERNALIP", "CiliumInternalIP", .format = column_addresses),
	COLUMN("INTERNALIP", "InternalIP", .format = column_addresses),
	COLUMN("AGE", "metadata.creationTimestamp", .format = column_age),
	{},
}, object_columns[] = {
	COLUMN("NAME", "metadata.name"),
	COLUMN("AGE", "metadata.creationTimestamp", .format = column_age),
	{},
};

const struct get_kind get_nodes = OBJECT_KIND("node", OBJECT_CILIUMNODE, node_columns, read_nodes);
const struct get_kind get_configmaps =
	OBJECT_KIND("configmap", OBJECT_CONFIGMAP, object_columns, get_read_objects);
const struct get_kind get_nodeconfigs =
	OBJECT_KIND("nodeconfig", OBJECT_NODECONFIG, object_columns, get_read_objects);
const struct get_kind get_namespaces =
	OBJECT_KIND("namespace", OBJECT_NAMESPACE, object_columns, get_read_objects);

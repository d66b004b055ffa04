// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinpool get nodes, configmaps, nodeconfigs, namespaces: what was applied, and this node
 * itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/blocks/ciliumnode.h"
#include "loader/ipam/claims.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/get.h"
#include "loader/kernel/map.h"

static const char *address_text(const json_t *ciliumnode, const char *type,
				char text[2 * ADDR_TEXT])
{
	struct addr addr;
	size_t used = 0;
	char one[ADDR_TEXT];

	text[0] = 0;
	for (int f = 0; f < FAMILIES; f++)
		if (ciliumnode_address(ciliumnode, type, f, &addr))
			used += snprintf(text + used, 2 * ADDR_TEXT - used, "%s%s", used ? "," : "",
					 addr_format(&addr, one));
	return text;
}

static void add_row(struct table *table, const struct get *get, const struct stored *s)
{
	char text[2 * ADDR_TEXT], age[16];

	table_add(table, "%s", s->name);
	if (get->kind == OBJECT_NODE) {
		table_add(table, "%s", address_text(s->json, "CiliumInternalIP", text));
		table_add(table, "%s", address_text(s->json, "InternalIP", text));
	}
	table_add(table, "%s", age_text(s->created, age));
}

static int print_objects(struct get *get, struct stored *list, size_t count, struct error *e)
{
	bool items = output_is_items(&get->out);
	struct table table;
	size_t matches = 0;
	int err;

	for (size_t i = 0; i < count; i++)
		matches += !get->name || !strcmp(list[i].name, get->name);
	err = get_begin(get, matches, e);
	if (err)
		return err;
	if (!items && matches)
		table_init(&table, get->kind == OBJECT_NODE ? "NAME CILIUMINTERNALIP INTERNALIP AGE"
							    : "NAME AGE");
	for (size_t i = 0; i < count; i++) {
		if (get->name && strcmp(list[i].name, get->name))
			continue;
		if (items)
			get_item(get, list[i].name,
				 kubectl_object(json_incref(list[i].json), list[i].created));
		else
			add_row(&table, get, &list[i]);
	}
	if (!items && matches)
		table_write(&table, stdout);
	return 0;
}

int get_objects(struct get *get, struct error *e)
{
	struct stored *list;
	size_t count;
	int err = store_list(&get->node->pins, get->kind, &list, &count, e);

	if (err)
		return err;
	err = print_objects(get, list, count, e);
	stored_free(list, count);
	return err;
}

/* A node whose CiliumNode nobody applied is as old as its pins. */
static uint64_t node_created(struct node *node)
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
static void put_own(struct node *node, struct facts *facts, const struct options *options)
{
	json_t *json = ciliumnode_own(node, facts, options);
	struct stored *own = NULL;

	for (size_t i = 0; i < facts->node_count; i++)
		if (!strcmp(facts->nodes[i].name, node->config.node))
			own = &facts->nodes[i];
	if (own) {
		json_decref(own->json);
	} else {
		facts->nodes =
			xrealloc(facts->nodes, (facts->node_count + 1) * sizeof(*facts->nodes));
		own = &facts->nodes[facts->node_count++];
		memset(own, 0, sizeof(*own));
		own->kind = OBJECT_NODE;
		memcpy(own->name, node->config.node, sizeof(own->name));
		own->created = node_created(node);
	}
	own->json = json;
	qsort(facts->nodes, facts->node_count, sizeof(*facts->nodes), by_name);
}

int get_nodes(struct get *get, struct error *e)
{
	struct options options = {};
	struct facts facts;
	int err = facts_read(get->node, &facts, e);

	if (err)
		return err;
	err = node_options(get->node, &options, e);
	if (!err) {
		put_own(get->node, &facts, &options);
		err = print_objects(get, facts.nodes, facts.node_count, e);
	}
	options_free(&options);
	facts_free(&facts);
	return err;
}

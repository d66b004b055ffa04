// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get blocks: the PodCIDRs that this node holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/get.h"
#include "loader/ipam/inventory.h"

/* By pool, IPv4 first, by prefix: the order of CiliumNode's allocated. */
static int by_pool_and_prefix(const void *a, const void *b, void *inventory)
{
	const struct block *x = &((const struct block_entry *)a)->block;
	const struct block *y = &((const struct block_entry *)b)->block;
	int order = strcmp(inventory_pool_name(inventory, x->pool),
			   inventory_pool_name(inventory, y->pool));

	return order ? order : prefix_compare(&x->prefix, &y->prefix);
}

/* A CIDR or a pool. */
static bool is_named(const struct inventory *inv, const struct block *b, const char *name)
{
	char cidr[PREFIX_TEXT];

	return !strcmp(name, prefix_format(&b->prefix, cidr)) ||
	       !strcmp(name, inventory_pool_name(inv, b->pool));
}

static json_t *item_of(const struct node *node, const char *pool, const struct block *b)
{
	char cidr[PREFIX_TEXT], created[32];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "pool", pool, "cidr",
			 prefix_format(&b->prefix, cidr), "family", family_name(b->family), "node",
			 node->config.node, "state", block_state_name(b->state), "usable",
			 (json_int_t)block_capacity(b), "used", (json_int_t)b->used, "free",
			 (json_int_t)block_free(b), "creationTimestamp",
			 time_text(b->created, created));
}

static void add_row(struct table *table, const struct node *node, const char *pool,
		    const struct block *b)
{
	char cidr[PREFIX_TEXT];

	table_add(table, "%s", pool);
	table_add(table, "%s", prefix_format(&b->prefix, cidr));
	table_add(table, "%s", node->config.node);
	table_add(table, "%s", block_state_name(b->state));
	table_add(table, "%u", block_capacity(b));
	table_add(table, "%u", b->used);
	table_add(table, "%u", block_free(b));
}

static void print_blocks(struct get *get, const struct inventory *inv,
			 const struct block_entry *list, size_t count)
{
	bool items = output_is_items(&get->out);
	char cidr[PREFIX_TEXT];
	struct table table;

	if (!items && count)
		table_init(&table, "POOL CIDR NODE STATE USABLE USED FREE");
	for (size_t i = 0; i < count; i++) {
		const struct block *b = &list[i].block;
		const char *pool = inventory_pool_name(inv, b->pool);

		if (items)
			get_item(get, prefix_format(&b->prefix, cidr), item_of(get->node, pool, b));
		else
			add_row(&table, get->node, pool, b);
	}
	if (!items && count)
		table_write(&table, stdout);
}

int get_blocks(struct get *get, struct error *e)
{
	struct block_entry *list;
	struct inventory inv;
	size_t matches = 0;
	int err = inventory_read(&get->node->pins, &inv, e);

	if (err)
		return err;
	list = calloc(inv.block_count + 1, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < inv.block_count; i++)
		if (!get->name || is_named(&inv, &inv.blocks[i].block, get->name))
			list[matches++] = inv.blocks[i];
	qsort_r(list, matches, sizeof(*list), by_pool_and_prefix, &inv);
	err = get_begin(get, matches, e);
	if (!err)
		print_blocks(get, &inv, list, matches);
	free(list);
	inventory_free(&inv);
	return err;
}

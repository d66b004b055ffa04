// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get pools: CiliumPodIPPools with this node's share of each as their status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/get.h"
#include "loader/ipam/inventory.h"
#include "loader/kernel/store.h"

#define CIDRS_TEXT (FAMILIES * POOL_FAMILY_CIDRS * PREFIX_TEXT)

static const char *cidrs_text(struct node *node, const struct pool_entry *p, char text[CIDRS_TEXT])
{
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	char cidr[PREFIX_TEXT];
	size_t used = 0;

	text[0] = 0;
	for (int f = 0; f < FAMILIES; f++) {
		uint32_t count = p->pool.family[f].cidrs;

		if (ipam_pool_cidrs(&node->pins, p->id, f, cidrs, count))
			continue;
		for (uint32_t i = 0; i < count && i < POOL_FAMILY_CIDRS; i++)
			used += snprintf(text + used, CIDRS_TEXT - used, "%s%s", used ? "," : "",
					 prefix_format(&cidrs[i].cidr, cidr));
	}
	return text;
}

static const char *mask_text(const struct pool *p, char text[16])
{
	size_t used = 0;

	text[0] = 0;
	for (int f = 0; f < FAMILIES; f++) {
		uint32_t length = p->family[f].mask_length;

		if (length)
			used += snprintf(text + used, 16 - used, "%s%u", used ? "," : "",
					 f == FAMILY_IPV4 ? length - PREFIX_IPV4_BITS : length);
	}
	return text;
}

/* Both families together. */
static struct pool_family sum_of(const struct pool *p)
{
	struct pool_family sum = {};

	for (int f = 0; f < FAMILIES; f++) {
		sum.blocks += p->family[f].blocks;
		sum.capacity += p->family[f].capacity;
		sum.in_use += p->family[f].in_use;
		sum.draining += p->family[f].draining;
	}
	return sum;
}

static void add_row(struct table *table, struct node *node, const struct pool_entry *p, bool wide)
{
	struct pool_family sum = sum_of(&p->pool);
	char text[CIDRS_TEXT], age[16];

	table_add(table, "%s", p->pool.name);
	table_add(table, "%s", cidrs_text(node, p, text));
	table_add(table, "%s", mask_text(&p->pool, text));
	table_add(table, "%u", sum.blocks);
	table_add(table, "%u", sum.in_use + sum.draining);
	table_add(table, "%u", pool_free(&sum));
	table_add(table, "%s", pool_state_name(p->pool.state));
	table_add(table, "%s", age_text(p->pool.created, age));
	if (!wide)
		return;
	table_add(table, "%u", sum.draining);
	table_add(table, "%u", p->pool.family[0].pre_allocation);
	table_add(table, "%s", p->pool.flags & POOL_AUTO_CREATED ? "yes" : "no");
}

static json_t *status_of(const struct pool *p)
{
	json_t *status = json_pack("{s:s}", "state", pool_state_name(p->state));

	for (int f = 0; f < FAMILIES; f++) {
		const struct pool_family *pf = &p->family[f];

		if (!pf->mask_length && !pf->blocks)
			continue;
		json_object_set_new(status, family_name(f),
				    json_pack("{s:I, s:I, s:I, s:I, s:I}", "blocks",
					      (json_int_t)pf->blocks, "usable",
					      (json_int_t)pf->capacity, "used",
					      (json_int_t)pf->in_use + pf->draining, "free",
					      (json_int_t)pool_free(pf), "draining",
					      (json_int_t)pf->draining));
	}
	return status;
}

/*
 * The applied object. As YAML it is a manifest, which kubectl applies: Cilium's CRD knows no status of
 * a pool. As JSON, for scripts, it also has what the node knows of it.
 */
static json_t *item_of(const struct get *get, const struct pool_entry *p)
{
	json_t *item = store_get(&get->node->pins, OBJECT_POOL, p->pool.name);

	if (!item)
		item = json_pack("{s:s, s:s, s:{s:s}, s:{}}", "apiVersion", "cilium.io/v2alpha1",
				 "kind", "CiliumPodIPPool", "metadata", "name", p->pool.name,
				 "spec");
	if (get->out.format != OUTPUT_YAML)
		json_object_set_new(item, "status", status_of(&p->pool));
	return kubectl_object(item, p->pool.created);
}

static void print_pools(struct get *get, const struct pool_entry *list, size_t count)
{
	bool items = output_is_items(&get->out), wide = get->out.format == OUTPUT_WIDE;
	struct table table;

	if (!items && count)
		table_init(
			&table,
			wide ? "NAME CIDRS MASKSIZE BLOCKS USED FREE STATE AGE DRAINING PRE-ALLOCATION AUTO-CREATED"
			     : "NAME CIDRS MASKSIZE BLOCKS USED FREE STATE AGE");
	for (size_t i = 0; i < count; i++) {
		if (items)
			get_item(get, list[i].pool.name, item_of(get, &list[i]));
		else
			add_row(&table, get->node, &list[i], wide);
	}
	if (!items && count)
		table_write(&table, stdout);
}

int get_pools(struct get *get, struct error *e)
{
	struct pool_entry *list;
	size_t count, matches = 0;
	int err = ipam_pools(&get->node->pins, &list, &count, e);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (!get->name || !strcmp(list[i].pool.name, get->name))
			list[matches++] = list[i];
	err = get_begin(get, matches, e);
	if (!err)
		print_pools(get, list, matches);
	free(list);
	return err;
}

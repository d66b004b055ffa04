// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get pools: CiliumPodIPPools with this node's share of each as their status. */
#include <stdio.h>
#include <string.h>

#include "loader/cmd/get.h"
#include "loader/kernel/store.h"

static int read_pools(struct get *get, struct error *e)
{
	struct pool_entry *list = NULL;
	int err = ipam_pools(&get->node->pins, &list, &get->count, e);

	get->list = list;
	return err;
}

static bool is_named(const struct get *get, const void *entry)
{
	const struct pool_entry *p = entry;

	return !strcmp(get->name, p->pool.name);
}

static json_t *cidrs_of(struct context *node, const struct pool_entry *p)
{
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	json_t *list = json_array();
	char cidr[PREFIX_TEXT];

	for (int f = 0; f < FAMILIES; f++) {
		uint32_t count = p->pool.family[f].cidrs;

		if (ipam_pool_cidrs(&node->pins, p->id, f, cidrs, count))
			continue;
		for (uint32_t i = 0; i < count && i < POOL_FAMILY_CIDRS; i++)
			json_array_append_new(list, json_string(prefix_format(&cidrs[i].cidr, cidr)));
	}
	return list;
}

static json_t *masks_of(const struct pool *p)
{
	json_t *list = json_array();

	for (int f = 0; f < FAMILIES; f++) {
		uint32_t length = p->family[f].mask_length;

		if (length)
			json_array_append_new(list, json_integer(f == FAMILY_IPV4 ? length - PREFIX_IPV4_BITS :
										    length));
	}
	return list;
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

/* What the kernel has of a pool; its object may be deleted. */
static json_t *row_of(const struct get *get, const struct pool_entry *p)
{
	char created[32];

	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:I, s:b}", "name", p->pool.name, "cidrs",
			 cidrs_of(get->node, p), "maskSizes", masks_of(&p->pool), "status",
			 status_of(&p->pool), "creationTimestamp", time_text(p->pool.created, created),
			 "preAllocation", (json_int_t)p->pool.family[0].pre_allocation, "autoCreated",
			 (p->pool.flags & POOL_AUTO_CREATED) != 0);
}

/* The sum of both families. */
static void column_sum(const json_t *item, const char *path, char *text)
{
	const json_t *status = json_object_get(item, "status");
	json_int_t sum = 0;

	for (int f = 0; f < FAMILIES; f++)
		sum += json_integer_value(json_object_get(json_object_get(status, family_name(f)), path));
	snprintf(text, COLUMN_TEXT, "%lld", (long long)sum);
}

/*
 * The applied object. As YAML it is a manifest, which kubectl applies: Cilium's CRD knows no status of
 * a pool. As JSON, for scripts, it also has what the node knows of it.
 */
static json_t *item_of(const struct get *get, const void *entry)
{
	const struct pool_entry *p = entry;
	json_t *item;

	if (get_is_table(get))
		return row_of(get, p);
	item = store_get(&get->node->pins, OBJECT_POOL, p->pool.name);
	if (!item)
		item = json_pack("{s:s, s:s, s:{s:s}, s:{}}", "apiVersion", "cilium.io/v2alpha1",
				 "kind", "CiliumPodIPPool", "metadata", "name", p->pool.name,
				 "spec");
	if (get->out.format != OUTPUT_YAML)
		json_object_set_new(item, "status", status_of(&p->pool));
	return kubectl_object(get, item, p->pool.created);
}

static const struct column columns[] = {
	COLUMN("NAME", "name"),
	COLUMN("CIDRS", "cidrs"),
	COLUMN("MASKSIZE", "maskSizes"),
	COLUMN("BLOCKS", "blocks", .format = column_sum),
	COLUMN("USED", "used", .format = column_sum),
	COLUMN("FREE", "free", .format = column_sum),
	COLUMN("STATE", "status.state"),
	COLUMN("AGE", "creationTimestamp", .format = column_age),
	COLUMN("DRAINING", "draining", .format = column_sum, .wide = true),
	COLUMN("PRE-ALLOCATION", "preAllocation", .wide = true),
	COLUMN("AUTO-CREATED", "autoCreated", .wide = true),
	{},
};

const struct get_kind get_pools = {
	.name = "pool", .object = OBJECT_POOL, .name_path = "metadata.name", .columns = columns,
	.size = sizeof(struct pool_entry), .read = read_pools, .is_named = is_named, .item = item_of,
};

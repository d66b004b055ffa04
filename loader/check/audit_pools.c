// SPDX-License-Identifier: GPL-2.0-only
/* Pools: sums, names, CIDRs, objects; and the counts of the whole. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/check/audit_parts.h"

#define LOCK_SECONDS 60

static void check_family(struct audit *a, const struct pool *is, const struct pool *must,
			 enum family f)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
		{ "blocks", offsetof(struct pool_family, blocks) },
		{ "empty", offsetof(struct pool_family, empty) },
		{ "capacity", offsetof(struct pool_family, capacity) },
		{ "in_use", offsetof(struct pool_family, in_use) },
		{ "draining", offsetof(struct pool_family, draining) },
		{ "first", offsetof(struct pool_family, first) },
		{ "last", offsetof(struct pool_family, last) },
		{ "hint", offsetof(struct pool_family, hint) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint32_t x, y;

		memcpy(&x, (const char *)&is->family[f] + fields[i].offset, sizeof(x));
		memcpy(&y, (const char *)&must->family[f] + fields[i].offset, sizeof(y));
		if (x != y)
			violation(a, "pool %s: %s of %s is %u and must be %u", is->name,
				  fields[i].name, family_name(f), x, y);
	}
}

static void check_pool(struct audit *a, size_t n)
{
	const struct pool_entry *p = &a->s.inv.pools[n];
	json_t *object = store_get(&a->node->pins, OBJECT_POOL, p->pool.name);
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];
	struct pool found;
	uint32_t id;

	for (int f = 0; f < FAMILIES; f++) {
		check_family(a, &p->pool, &a->w.pools[n], f);
		if (ipam_pool_cidrs(&a->node->pins, p->id, f, cidrs, p->pool.family[f].cidrs))
			violation(a, "pool %s: one of its %s CIDRs is missing", p->pool.name,
				  family_name(f));
	}
	if (p->pool.state != POOL_ACTIVE && p->pool.state != POOL_TERMINATING)
		violation(a, "pool %s: its state is %d, which is none", p->pool.name,
			  p->pool.state);
	if (p->pool.state == POOL_TERMINATING && !p->pool.family[0].blocks &&
	    !p->pool.family[1].blocks)
		violation(a, "pool %s: is terminating and has no block", p->pool.name);
	if (ipam_pool_find(&a->node->pins, p->pool.name, &id, &found) || id != p->id)
		violation(a, "pool %s: pp_pool_ids does not lead to it", p->pool.name);
	if (!object)
		violation(a, "pool %s: its object cannot be read; apply it again", p->pool.name);
	json_decref(object);
}

static void check_names(struct audit *a)
{
	for (size_t i = 0; i < a->s.pool_id_count; i++) {
		const struct pool *p = inventory_pool(&a->s.inv, a->s.pool_ids[i].id);

		if (!p || strncmp(p->name, a->s.pool_ids[i].name.name, PP_NAME))
			violation(a, "pool %.*s: is in pp_pool_ids and does not exist", PP_NAME - 1,
				  a->s.pool_ids[i].name.name);
	}
	for (size_t i = 0; i < a->s.pool_cidr_count; i++) {
		const struct pool_cidr_key *k = &a->s.pool_cidrs[i].key;
		const struct pool *p = inventory_pool(&a->s.inv, k->pool);

		if (!p || k->family >= FAMILIES || k->index >= p->family[k->family].cidrs)
			violation(a, "pool %u: CIDR %u of pp_pool_cidrs belongs to no pool",
				  k->pool, k->index);
	}
}

static void check_counts(struct audit *a)
{
	const struct ipam *is = &a->s.ipam, *must = &a->w.ipam;
	const struct {
		const char *name;
		uint32_t is, must;
	} counts[] = {
		{ "pools", is->pools, must->pools },
		{ "blocks", is->blocks, must->blocks },
		{ "leases", is->leases, must->leases },
		{ "pods", is->pods, must->pods },
		{ "last_pool", is->last_pool, must->last_pool },
		{ "last_block", is->last_block, must->last_block },
		{ "last_pod", is->last_pod, must->last_pod },
	};
	struct timespec now;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].is != counts[i].must)
			violation(a, "pp_ipam: %s is %u and must be %u", counts[i].name,
				  counts[i].is, counts[i].must);
	clock_gettime(CLOCK_BOOTTIME, &now);
	if (is->lock && (uint64_t)now.tv_sec > is->lock / 1000000000 + LOCK_SECONDS)
		violation(a, "pp_ipam: the transaction lock is taken since %llu seconds",
			  (unsigned long long)(now.tv_sec - is->lock / 1000000000));
}

/* Objects whose text or JSON is broken; store_list() leaves them out. */
static void check_objects(struct audit *a)
{
	int fd = pins_map(&a->node->pins, PIN_OBJECTS);
	struct object_key key, *before = NULL;
	json_t *json;

	while (fd >= 0 && !bpf_map_get_next_key(fd, before, &key)) {
		before = &key;
		if (key.chunk)
			continue;
		key.name[PP_NAME - 1] = 0;
		json = store_get(&a->node->pins, key.kind, key.name);
		if (!json)
			violation(a, "object %s of kind %d: cannot be read; apply it again",
				  key.name, key.kind);
		json_decref(json);
	}
}

void audit_pools(struct audit *a)
{
	for (size_t n = 0; n < a->s.inv.pool_count; n++)
		check_pool(a, n);
	check_names(a);
	check_counts(a);
	check_objects(a);
}

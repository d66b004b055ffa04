// SPDX-License-Identifier: GPL-2.0-only
/* Pools of the API server: each is accepted or refused by itself, and gives blocks by next-fit. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/ipam/rules.h"
#include "loader/kube/operator_cluster.h"
#include "loader/text/text.h"

struct cluster_pool *pool_get(struct cluster *c, const char *name)
{
	struct cluster_pool **found = tfind(&name, &c->pools_by_name, name_compare), *pool;

	if (found) {
		(*found)->users++;
		return *found;
	}
	pool = xcalloc(1, sizeof(*pool));
	pool->name = xstrdup(name);
	pool->users = 1;
	for (int family = 0; family < FAMILIES; family++)
		TAILQ_INIT(&pool->waiting[family]);
	TAILQ_INSERT_TAIL(&c->pools, pool, all);
	if (!tsearch(pool, &c->pools_by_name, name_compare))
		abort();
	return pool;
}

static void spec_free(struct pool_spec *spec)
{
	if (spec)
		pool_spec_free(spec);
	free(spec);
}

static void refuse(struct cluster *c, struct cluster_pool *pool, const char *reason)
{
	if (c->report && reason && (!pool->refusal || strcmp(pool->refusal, reason)))
		c->report(c->arg, "CiliumPodIPPool", pool->name, pool->uid, reason);
	free(pool->refusal);
	pool->refusal = reason ? xstrdup(reason) : NULL;
}

void pool_put(struct cluster *c, struct cluster_pool *pool)
{
	if (--pool->users || pool->version[0])
		return;
	tdelete(pool, &c->pools_by_name, name_compare);
	TAILQ_REMOVE(&c->pools, pool, all);
	json_decref(pool->pending);
	spec_free(pool->spec);
	free(pool->refusal);
	free(pool->name);
	free(pool);
}

bool pool_covers(const struct cluster_pool *pool, const struct prefix *block)
{
	const struct pool_family_spec *f = pool->spec ? &pool->spec->family[prefix_family(block)] : NULL;

	for (size_t i = 0; f && i < f->cidr_count; i++)
		if (prefix_covers(&f->cidrs[i], block))
			return true;
	return false;
}

uint32_t pool_usable(const struct cluster_pool *pool, const struct prefix *block)
{
	uint32_t low, high;

	block_range(block, pool->spec->allow_first, pool->spec->allow_last, &low, &high);
	return high - low;
}

int pool_next_block(struct cluster *c, struct cluster_pool *pool, enum family family, struct prefix *block)
{
	const struct pool_family_spec *f = &pool->spec->family[family];
	const struct prefix_list held = { c->held, c->held_count, sizeof(*c->held) };
	uint64_t index;

	for (size_t i = 0; i < f->cidr_count; i++) {
		if (pool->full[family] & UINT32_C(1) << i)
			continue;
		if (!carve_next(&f->cidrs[i], prefix_length(family, f->mask_size), pool->cursors[family][i],
				&held, 1, f->reserved, f->reserved_count, block, &index)) {
			pool->cursors[family][i] = index + 1;
			return 0;
		}
		pool->full[family] |= UINT32_C(1) << i;
	}
	return -ENOSPC;
}

void pool_wait(struct demand *demand, enum family family, bool wait)
{
	struct demand_queue *queue = &demand->pool->waiting[family];

	if (demand->waiting[family])
		TAILQ_REMOVE(queue, demand, queue[family]);
	if (wait)
		TAILQ_INSERT_TAIL(queue, demand, queue[family]);
	demand->waiting[family] = wait;
}

void pool_wake(struct cluster *c, struct cluster_pool *pool, enum family family)
{
	struct demand *first = TAILQ_FIRST(&pool->waiting[family]);

	if (first)
		cluster_queue(c, first->node);
}

/* The first CIDRs that two pools share; false: none. */
static bool specs_overlap(const struct pool_spec *a, const struct pool_spec *b, struct prefix *of_a,
			  struct prefix *of_b)
{
	for (int family = 0; family < FAMILIES; family++)
		for (size_t i = 0; i < a->family[family].cidr_count; i++)
			for (size_t k = 0; k < b->family[family].cidr_count; k++) {
				*of_a = a->family[family].cidrs[i];
				*of_b = b->family[family].cidrs[k];
				if (prefix_overlaps(of_a, of_b))
					return true;
			}
	return false;
}

static int check_others(const struct cluster *c, const struct cluster_pool *pool,
			const struct pool_spec *spec, struct error *e)
{
	const struct cluster_pool *other;
	char text[2][PREFIX_TEXT];
	struct prefix a, b;

	TAILQ_FOREACH(other, &c->pools, all)
		if (other != pool && other->spec && specs_overlap(spec, other->spec, &a, &b))
			return error_set(e, -EINVAL, "%s overlaps %s of pool \"%s\"; use another range",
					 prefix_format(&a, text[0]), prefix_format(&b, text[1]), other->name);
	return 0;
}

static void keep_cursors(struct cluster_pool *pool, const struct pool_spec *new)
{
	for (int family = 0; family < FAMILIES; family++) {
		const struct pool_family_spec *f = &new->family[family];
		const struct pool_family_spec *old = pool->spec ? &pool->spec->family[family] : NULL;
		uint64_t cursors[POOL_CIDRS_MAX] = {};

		for (size_t i = 0; old && old->mask_size == f->mask_size && i < f->cidr_count; i++)
			for (size_t k = 0; k < old->cidr_count; k++)
				if (prefix_equal(&f->cidrs[i], &old->cidrs[k]))
					cursors[i] = pool->cursors[family][k];
		memcpy(pool->cursors[family], cursors, sizeof(cursors));
		pool->full[family] = 0;
	}
}

/* A block that never was in its pool must not take a CIDR of another one (operator_decide.c). */
static void drop_absurd(struct cluster *c, const struct pool_spec *spec)
{
	for (int family = 0; family < FAMILIES; family++)
		for (size_t i = 0; i < spec->family[family].cidr_count; i++) {
			const struct prefix *cidr = &spec->family[family].cidrs[i];
			const struct held *held = held_find(c, cidr);
			struct cluster_node *node = held ? held->node : NULL;

			if (!held || !prefix_covers(&held->prefix, cidr))
				continue;
			for (size_t k = 0; k < node->claim_count; k++)
				if (node->claims[k].held && !node->claims[k].proven &&
				    !pool_covers(node->claims[k].pool, &node->claims[k].prefix) &&
				    prefix_covers(&node->claims[k].prefix, cidr))
					held_remove(c, &node->claims[k]);
		}
}

/* All nodes are looked at: those that have a block of the pool, or want one, are decided again. */
static void pool_changed(struct cluster *c, const struct cluster_pool *pool)
{
	struct cluster_node *node;

	TAILQ_FOREACH(node, &c->nodes, all) {
		bool uses = false;

		for (size_t i = 0; !uses && i < node->claim_count; i++)
			uses = node->claims[i].pool == pool;
		for (size_t i = 0; !uses && i < node->demand_count; i++)
			uses = node->demands[i].pool == pool;
		if (uses)
			cluster_queue(c, node);
	}
}

static bool pool_accept(struct cluster *c, struct cluster_pool *pool)
{
	struct pool_spec *spec = xcalloc(1, sizeof(*spec));
	struct error e = {};
	int err = pool_spec_from_json(pool->pending, spec, &e) ?: pool_spec_check(spec, &e) ?:
		  check_others(c, pool, spec, &e);

	refuse(c, pool, err ? e.text : NULL);
	if (err) {
		spec_free(spec);
		return false;
	}
	keep_cursors(pool, spec);
	spec_free(pool->spec);
	pool->spec = spec;
	json_decref(pool->pending);
	pool->pending = NULL;
	spec->pod_selector = spec->namespace_selector = NULL;
	drop_absurd(c, spec);
	pool_changed(c, pool);
	return true;
}

static int by_age(const void *a, const void *b)
{
	const struct cluster_pool *const *x = a, *const *y = b;

	static const char created[] = "metadata.creationTimestamp";

	return strcmp(json_text((*x)->pending, created), json_text((*y)->pending, created)) ?:
	       strcmp((*x)->name, (*y)->name);
}

void pools_accept(struct cluster *c)
{
	struct cluster_pool **list = NULL, *pool;
	size_t count = 0;
	bool again = c->synced;

	TAILQ_FOREACH(pool, &c->pools, all)
		if (pool->pending) {
			list = xgrow(list, count, sizeof(*list));
			list[count++] = pool;
		}
	if (count)
		qsort(list, count, sizeof(*list), by_age);
	/* a pool may leave the range that another one waits for */
	while (again) {
		again = false;
		for (size_t i = 0; i < count; i++)
			again |= list[i]->pending && pool_accept(c, list[i]);
	}
	free(list);
}

void cluster_set_pool(struct cluster *c, json_t *json)
{
	const char *name = json_text(json, "metadata.name");
	const char *version = json_text(json, "metadata.resourceVersion");
	struct cluster_pool *pool;

	if (!*name)
		return;
	pool = pool_get(c, name);
	if (!*version || strcmp(pool->version, version)) {
		snprintf(pool->version, sizeof(pool->version), "%s", *version ? version : "?");
		snprintf(pool->uid, sizeof(pool->uid), "%s", json_text(json, "metadata.uid"));
		json_decref(pool->pending);
		pool->pending = json_incref(json);
		pools_accept(c);
	}
	pool_put(c, pool);
}

void cluster_remove_pool(struct cluster *c, const char *name)
{
	struct cluster_pool *pool = pool_get(c, name);

	pool->version[0] = 0;
	refuse(c, pool, NULL);
	json_decref(pool->pending);
	pool->pending = NULL;
	spec_free(pool->spec);
	pool->spec = NULL;
	pool_changed(c, pool);
	pool_put(c, pool);
	pools_accept(c);
}

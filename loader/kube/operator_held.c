// SPDX-License-Identifier: GPL-2.0-only
/* The index of held blocks of all nodes: sorted, without overlaps. */
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_cluster.h"

static size_t held_position(const struct cluster *c, const struct prefix *prefix)
{
	const struct prefix_list list = { c->held, c->held_count, sizeof(*c->held) };

	return prefix_list_find(&list, 0, &prefix->addr);
}

const struct held *held_find(const struct cluster *c, const struct prefix *prefix)
{
	size_t at = held_position(c, prefix);

	return at < c->held_count && prefix_overlaps(&c->held[at].prefix, prefix) ? &c->held[at] : NULL;
}

bool held_add(struct cluster *c, struct cluster_node *node, struct claim *claim)
{
	size_t at = held_position(c, &claim->prefix);

	if (at < c->held_count && prefix_overlaps(&c->held[at].prefix, &claim->prefix))
		return false;
	c->held = xgrow(c->held, c->held_count, sizeof(*c->held));
	memmove(&c->held[at + 1], &c->held[at], (c->held_count++ - at) * sizeof(*c->held));
	c->held[at] = (struct held){ claim->prefix, node, claim->pool };
	claim->held = true;
	return true;
}

static void released_in(struct cluster *c, struct cluster_pool *pool, const struct prefix *prefix)
{
	enum family family = prefix_family(prefix);

	for (size_t i = 0; pool->spec && i < pool->spec->family[family].cidr_count; i++)
		if (prefix_overlaps(&pool->spec->family[family].cidrs[i], prefix)) {
			pool->full[family] &= ~(UINT32_C(1) << i);
			pool_wake(c, pool, family);
		}
}

/* A draining block may lie in another pool by now; one of its own pool lies in no other. */
static void released(struct cluster *c, const struct claim *claim)
{
	struct cluster_pool *pool;

	if (pool_covers(claim->pool, &claim->prefix))
		return released_in(c, claim->pool, &claim->prefix);
	TAILQ_FOREACH(pool, &c->pools, all)
		released_in(c, pool, &claim->prefix);
}

void held_remove(struct cluster *c, struct claim *claim)
{
	size_t at = held_position(c, &claim->prefix);

	if (!claim->held)
		return;
	memmove(&c->held[at], &c->held[at + 1], (--c->held_count - at) * sizeof(*c->held));
	claim->held = false;
	released(c, claim);
}

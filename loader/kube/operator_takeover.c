// SPDX-License-Identifier: GPL-2.0-only
/* A take-over: blocks that two nodes claim are settled by who has pods in them, then by the older object. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_cluster.h"

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

void cluster_conflicts(struct cluster *c, void (*fn)(void *arg, struct cluster_node *node), void *arg)
{
	struct held *list = NULL, *widest = NULL;
	struct cluster_node *node;
	size_t count = 0;

	TAILQ_FOREACH(node, &c->nodes, all)
		for (size_t i = 0; i < node->claim_count; i++) {
			list = xgrow(list, count, sizeof(*list));
			list[count++] = (struct held){ node->claims[i].prefix, node, node->claims[i].pool };
		}
	if (count)
		qsort(list, count, sizeof(*list), by_prefix);
	/* prefixes nest or are apart, and the wider one comes first */
	for (size_t i = 0; i < count; i++) {
		if (!widest || !prefix_covers(&widest->prefix, &list[i].prefix)) {
			widest = &list[i];
		} else if (widest->node != list[i].node) {
			fn(arg, widest->node);
			fn(arg, list[i].node);
		}
	}
	free(list);
}

void cluster_pod(struct cluster_node *node, const struct addr *addr)
{
	for (size_t i = 0; i < node->claim_count; i++)
		node->claims[i].has_pods |= prefix_contains(&node->claims[i].prefix, addr);
}

static int by_age(const void *a, const void *b)
{
	const struct cluster_node *const *x = a, *const *y = b;

	return strcmp((*x)->created, (*y)->created) ?: strcmp((*x)->name, (*y)->name);
}

static void settle_nodes(struct cluster *c, struct cluster_node **list, size_t count, bool with_pods)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < list[i]->claim_count; k++) {
			struct claim *claim = &list[i]->claims[k];

			if (claim->has_pods == with_pods)
				claim_settle(c, list[i], claim);
		}
}

void cluster_synced(struct cluster *c)
{
	struct cluster_node **list = NULL, *node;
	size_t count = 0;

	if (c->synced)
		return;
	c->synced = c->settling = true;
	pools_accept(c);
	TAILQ_FOREACH(node, &c->nodes, all) {
		list = xgrow(list, count, sizeof(*list));
		list[count++] = node;
		cluster_queue(c, node);
	}
	if (count)
		qsort(list, count, sizeof(*list), by_age);
	settle_nodes(c, list, count, true);
	settle_nodes(c, list, count, false);
	free(list);
	c->settling = false;
}

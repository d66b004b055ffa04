// SPDX-License-Identifier: GPL-2.0-only
/* What the operator says: Events about objects, and metrics. */
#include <stdio.h>

#include "loader/kube/operator.h"

void operator_report(void *arg, const char *kind, const char *name, const char *uid, const char *reason)
{
	struct operator *o = arg;

	o->count.reports++;
	log_line("%s/%s: %s", kind, name, reason);
	event_send(&o->events, o->api, kind, NULL, name, uid, reason);
}

static void pool_metrics(struct cluster *c, FILE *out)
{
	struct cluster_pool *pool;

	TAILQ_FOREACH(pool, &c->pools, all)
		pool->blocks = 0;
	for (size_t i = 0; i < c->held_count; i++)
		c->held[i].pool->blocks++;
	metric_family(out, "pinpool_operator_pool_blocks", "gauge", "Blocks of a pool that nodes have.");
	/* the name of a pool that does not exist may be any text */
	TAILQ_FOREACH(pool, &c->pools, all)
		if (pool->spec)
			fprintf(out, "pinpool_operator_pool_blocks{pool=\"%s\"} %zu\n", pool->name, pool->blocks);
}

void operator_metrics(void *arg, FILE *out)
{
	struct operator *o = arg;
	struct cluster *c = &o->cluster;
	unsigned int nodes = 0, troubled = 0, pools = 0, refused = 0;
	const struct cluster_node *node;
	const struct cluster_pool *pool;

	TAILQ_FOREACH(node, &c->nodes, all) {
		nodes++;
		troubled += !!node->status_error;
	}
	TAILQ_FOREACH(pool, &c->pools, all) {
		pools += !!pool->spec;
		refused += !!pool->refusal;
	}
	metric(out, "pinpool_operator_leader", "gauge", "1 if this operator leads.", lease_is_held(o->lease));
	metric(out, "pinpool_operator_nodes", "gauge", "CiliumNodes.", nodes);
	metric(out, "pinpool_operator_nodes_with_error", "gauge", "CiliumNodes with an error in their status.",
	       troubled);
	metric(out, "pinpool_operator_pools", "gauge", "Pools that blocks are given from.", pools);
	metric(out, "pinpool_operator_pools_refused", "gauge", "Pools whose last version was not accepted.",
	       refused);
	metric(out, "pinpool_operator_writes", "counter", "CiliumNodes written.", o->count.writes);
	metric(out, "pinpool_operator_conflicts", "counter", "Writes of objects that had changed.",
	       o->count.conflicts);
	metric(out, "pinpool_operator_failures", "counter", "Writes that failed otherwise.",
	       o->count.failures);
	metric(out, "pinpool_operator_reports", "counter", "Objects that were not accepted as they are.",
	       o->count.reports);
	metric(out, "pinpool_operator_nodes_deleted", "counter", "CiliumNodes deleted whose Node was gone.",
	       o->count.deleted);
	pool_metrics(c, out);
}

// SPDX-License-Identifier: GPL-2.0-only
/* What the operator says: Events about objects, and metrics. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/kube/operator.h"
#include "loader/text/text.h"

#define EVENTS_MAX 16 /* without an answer: beyond that, the log has to do */

static void event_sent(void *arg, const struct answer *answer)
{
	struct operator *o = arg;

	(void)answer;
	o->events--;
}

void operator_report(void *arg, const char *kind, const char *name, const char *uid, const char *reason)
{
	struct operator *o = arg;
	const char *version = !strcmp(kind, "CiliumNode") ? "cilium.io/v2" : "cilium.io/v2alpha1";
	time_t now = time(NULL);
	char date[32], id[PP_NAME + 24];
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	struct tm tm;
	json_t *object, *body;

	o->count.reports++;
	operator_log("%s/%s: %s", kind, name, reason);
	if (o->events >= EVENTS_MAX)
		return;
	for (const char *text[] = { uid, reason }, **t = text; t < text + 2; t++)
		for (const char *c = *t; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	snprintf(id, sizeof(id), "%.200s.%016llx", name, (unsigned long long)hash);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	object = json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", version, "kind", kind, "name", name, "uid",
			   uid);
	/* the server refuses the same Event a second time */
	body = json_pack("{s:{s:s, s:s}, s:o, s:s, s:s, s:o, s:{s:s}, s:s, s:s, s:i}", "metadata", "name", id,
			 "namespace", "default", "involvedObject", object, "type", "Warning", "reason",
			 "NotAccepted", "message", text_json(reason, strlen(reason)), "source", "component",
			 "pinpool-operator", "firstTimestamp", date, "lastTimestamp", date, "count", 1);
	if (!body)
		return;
	o->events++;
	api_send(o->api, "POST", "/api/v1/namespaces/default/events", NULL, body, REQUEST_MS, event_sent, o);
	json_decref(body);
}

static void metric(FILE *out, const char *name, const char *type, const char *help, unsigned long long value)
{
	fprintf(out, "# TYPE pinpool_operator_%s %s\n", name, type);
	fprintf(out, "# HELP pinpool_operator_%s %s\n", name, help);
	fprintf(out, "pinpool_operator_%s%s %llu\n", name, *type == 'c' ? "_total" : "", value);
}

static void pool_metrics(struct cluster *c, FILE *out)
{
	struct cluster_pool *pool;

	TAILQ_FOREACH(pool, &c->pools, all)
		pool->blocks = 0;
	for (size_t i = 0; i < c->held_count; i++)
		c->held[i].pool->blocks++;
	fputs("# TYPE pinpool_operator_pool_blocks gauge\n"
	      "# HELP pinpool_operator_pool_blocks Blocks of a pool that nodes have.\n", out);
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
	metric(out, "leader", "gauge", "1 if this operator leads.", lease_is_held(o->lease));
	metric(out, "nodes", "gauge", "CiliumNodes.", nodes);
	metric(out, "nodes_with_error", "gauge", "CiliumNodes with an error in their status.", troubled);
	metric(out, "pools", "gauge", "Pools that blocks are given from.", pools);
	metric(out, "pools_refused", "gauge", "Pools whose last version was not accepted.", refused);
	metric(out, "writes", "counter", "CiliumNodes written.", o->count.writes);
	metric(out, "conflicts", "counter", "Writes of objects that had changed.", o->count.conflicts);
	metric(out, "failures", "counter", "Writes that failed otherwise.", o->count.failures);
	metric(out, "reports", "counter", "Objects that were not accepted as they are.", o->count.reports);
	metric(out, "nodes_deleted", "counter", "CiliumNodes deleted whose Node was gone.", o->count.deleted);
	pool_metrics(c, out);
}

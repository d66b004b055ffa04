// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a leader does: definitions, configured pools, and watches. Everything is read before anything is
 * decided; blocks that two nodes claim are settled by their pods' addresses first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "loader/base/memory.h"
#include "loader/kube/operator.h"
#include "loader/text/text.h"

static void set_pool(void *arg, json_t *object)
{
	struct operator *o = arg;

	cluster_set_pool(&o->cluster, object);
	nodes_write(o);
}

static void pool_gone(void *arg, const char *namespace, const char *name)
{
	struct operator *o = arg;

	(void)namespace;
	cluster_remove_pool(&o->cluster, name);
	nodes_write(o);
}

static void set_node(void *arg, json_t *object)
{
	struct operator *o = arg;

	cluster_set_node(&o->cluster, object);
	nodes_write(o);
}

static void node_gone(void *arg, const char *namespace, const char *name)
{
	struct operator *o = arg;
	struct cluster_node *node = cluster_find_node(&o->cluster, name);

	(void)namespace;
	if (node)
		node_forget(o, node);
	cluster_remove_node(&o->cluster, name);
	nodes_write(o);
}

static void begin(struct operator *o)
{
	cluster_synced(&o->cluster);
	log_line("leading: %zu blocks of %zu nodes, %zu pools", o->cluster.held_count,
		     watch_count(o->node_watch), watch_count(o->pool_watch));
	nodes_write(o);
}

/* Which addresses have the pods of a node that claims a block which another one claims, too? */
struct question {
	struct operator *o;
	char *node;
};

static void read_pods(struct cluster_node *node, const json_t *list)
{
	const json_t *pod, *ip;
	size_t i, k;

	json_array_foreach(list, i, pod)
		json_array_foreach(json_get_path(pod, "status.podIPs"), k, ip) {
			struct addr addr;

			if (!addr_parse(json_text(ip, "ip"), &addr))
				cluster_pod(node, &addr);
		}
}

static void pods_answered(void *arg, const struct answer *answer)
{
	struct question *q = arg;
	struct operator *o = q->o;
	struct cluster_node *node = cluster_find_node(&o->cluster, q->node);

	if (answer->status != 200)
		log_line("pods of node %s: %s; the older CiliumNode keeps a block that two claim",
			     q->node, answer->message);
	else if (node)
		read_pods(node, json_get(answer->body, "items"));
	free(q->node);
	free(q);
	if (!--o->asking)
		begin(o);
}

static void ask_pods(void *arg, struct cluster_node *node)
{
	struct operator *o = arg;
	struct question *q = xmalloc(sizeof(*q));
	char path[PP_NAME + 64];

	*q = (struct question){ o, xstrdup(node->name) };
	snprintf(path, sizeof(path), "/api/v1/pods?fieldSelector=spec.nodeName%%3D%s", node->name);
	o->asking++;
	api_send(o->api, "GET", path, NULL, NULL, REQUEST_MS, pods_answered, q);
}

static void synced(void *arg)
{
	struct operator *o = arg;

	if (o->cluster.synced || o->asking || !watch_is_synced(o->pool_watch) ||
	    !watch_is_synced(o->node_watch))
		return;
	cluster_conflicts(&o->cluster, ask_pods, o);
	if (!o->asking)
		begin(o);
}

void operator_lead(void *arg)
{
	struct operator *o = arg;
	const struct watch_spec pools = { .path = CILIUMPODIPPOOLS, .set = set_pool, .gone = pool_gone,
					  .synced = synced, .arg = o };
	const struct watch_spec nodes = { .path = CILIUMNODES, .set = set_node, .gone = node_gone,
					  .synced = synced, .arg = o };
	const struct watch_spec machines = { .path = "/api/v1/nodes", .metadata_only = true };

	log_line("lease " LEASE_NAME " taken as %s", o->identity);
	operator_install(o);
	o->pool_watch = watch_start(o->loop, o->api, &pools);
	o->node_watch = watch_start(o->loop, o->api, &nodes);
	o->machine_watch = watch_start(o->loop, o->api, &machines);
}

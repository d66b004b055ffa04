// SPDX-License-Identifier: GPL-2.0-only
/* CiliumNodes without a Node: deleted at the second tick that finds it gone, which frees their blocks. */
#include <stdio.h>

#include "loader/kube/operator.h"
#include "loader/options/table.h"

static void deleted(void *arg, const struct answer *answer)
{
	struct operator *o = arg;

	if (answer->status / 100 == 2)
		o->count.deleted++;
	else if (answer->status != 404)
		log_line("a CiliumNode without a Node could not be deleted: %s", answer->message);
}

static void delete_node(struct operator *o, const struct cluster_node *node)
{
	json_t *body = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
				 "preconditions", "uid", node->uid);
	char path[PP_NAME + 64];

	log_line("ciliumnode/%s: deleted, its Node is gone", node->name);
	snprintf(path, sizeof(path), CILIUMNODES "/%s", node->name);
	api_send(o->api, "DELETE", path, NULL, body, REQUEST_MS, deleted, o);
	json_decref(body);
}

static void tick(void *arg)
{
	struct operator *o = arg;
	struct cluster_node *node;

	timer_start(o->loop, &o->gc, o->gc_ms, tick, o);
	if (o->ending || !lease_is_held(o->lease) || !o->cluster.synced ||
	    !watch_is_synced(o->machine_watch) || *watch_trouble(o->machine_watch))
		return;
	TAILQ_FOREACH(node, &o->cluster.nodes, all) {
		if (node->keep || watch_has(o->machine_watch, "", node->name))
			node->orphan_ticks = 0;
		else if (++node->orphan_ticks >= 2)
			delete_node(o, node);
	}
}

int gc_start(struct operator *o, const char *interval)
{
	double seconds;
	int err = duration_parse(interval, &seconds);

	o->gc_ms = err ? 0 : seconds * 1000;
	if (!err && o->gc_ms)
		timer_start(o->loop, &o->gc, o->gc_ms, tick, o);
	return err;
}

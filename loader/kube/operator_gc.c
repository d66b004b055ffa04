// SPDX-License-Identifier: GPL-2.0-only
/* CiliumNodes without a Node: deleted at the second tick that finds it gone, which frees their blocks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kube/operator.h"

static void deleted(void *arg, const struct answer *answer)
{
	struct operator *o = arg;

	if (answer->status / 100 == 2)
		o->count.deleted++;
	else if (answer->status != 404)
		operator_log("a CiliumNode without a Node could not be deleted: %s", answer->message);
}

static void delete_node(struct operator *o, const struct cluster_node *node)
{
	json_t *body = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
				 "preconditions", "uid", node->uid);
	char path[PP_NAME + 64];

	operator_log("ciliumnode/%s: deleted, its Node is gone", node->name);
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
		if (node->keep || json_object_get(o->machines, node->name))
			node->orphan_ticks = 0;
		else if (++node->orphan_ticks >= 2)
			delete_node(o, node);
	}
}

/* A duration as Go writes it, but for fractions. */
static int duration_ms(const char *text, uint64_t *ms)
{
	static const struct { const char *name; unsigned int ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, {},
	};

	*ms = 0;
	if (!strcmp(text, "0"))
		return 0;
	do {
		char *end;
		unsigned long n = strtoul(text, &end, 10);
		size_t i = 0, length = strspn(end, "hms");

		while (units[i].name && (strlen(units[i].name) != length || strncmp(units[i].name, end, length)))
			i++;
		if (*text < '0' || *text > '9' || !units[i].name || n > 1 << 20)
			return -EINVAL;
		*ms += n * units[i].ms;
		text = end + length;
	} while (*text);
	return 0;
}

int gc_start(struct operator *o, const char *interval)
{
	int err = duration_ms(interval, &o->gc_ms);

	if (!err && o->gc_ms)
		timer_start(o->loop, &o->gc, o->gc_ms, tick, o);
	return err;
}

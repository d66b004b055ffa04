// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decisions become requests: `allocated`, and once that is written, the error of the status. Each has the
 * resourceVersion that was decided on, so the server refuses it (409) if the object changed since. Patches:
 * nothing that others write into the object is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/backoff.h"
#include "loader/kube/operator.h"

#define FLYING_MAX 64

/* The writes of one node. */
struct writer {
	struct operator *o;
	struct cluster_node *node;
	struct call *call;
	char version[24]; /* of the object that was decided on */
	unsigned int failures;
	struct timer retry;
};

void node_forget(struct operator *o, struct cluster_node *node)
{
	struct writer *w = node->writer;

	if (!w)
		return;
	if (w->call) {
		api_cancel(w->call);
		o->flying--;
	}
	timer_stop(o->loop, &w->retry);
	free(w);
	node->writer = NULL;
}

static void retry(void *arg)
{
	struct writer *w = arg;

	cluster_queue(&w->o->cluster, w->node);
	nodes_write(w->o);
}

/* 409, 404: the newer object, or the node's end, is on its way by the watch. */
static void failed(struct writer *w, const struct answer *answer)
{
	struct operator *o = w->o;

	if (answer->status == 409 || answer->status == 404) {
		o->count.conflicts++;
	} else {
		o->count.failures++;
		if (!w->failures)
			log_line("ciliumnode/%s: not written, trying again: %s", w->node->name,
				     answer->message);
	}
	timer_start(o->loop, &w->retry, answer->retry_after * 1000 + backoff_ms(w->failures++), retry, w);
}

static void written(void *arg, const struct answer *answer)
{
	struct writer *w = arg;
	struct operator *o = w->o;

	w->call = NULL;
	o->flying--;
	if (answer->status / 100 == 2) {
		w->failures = 0;
		o->count.writes++;
		/* the watch may have brought a newer one already */
		if (!strcmp(w->node->version, w->version))
			cluster_set_node(&o->cluster, answer->body);
	} else {
		failed(w, answer);
	}
	cluster_queue(&o->cluster, w->node);
	nodes_write(o);
	if (o->ending)
		operator_end(o);
}

static void send(struct writer *w, const char *subresource, const char *key, json_t *change)
{
	json_t *body = json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", w->node->version, key,
				 change);
	char path[PP_NAME + 64];

	snprintf(path, sizeof(path), CILIUMNODES "/%s%s", w->node->name, subresource);
	snprintf(w->version, sizeof(w->version), "%s", w->node->version);
	timer_stop(w->o->loop, &w->retry);
	w->o->flying++;
	w->call = api_send(w->o->api, "PATCH", path, MERGE_PATCH, body, REQUEST_MS, written, w);
	json_decref(body);
}

static struct writer *writer_of(struct operator *o, struct cluster_node *node)
{
	struct writer *w = node->writer;

	if (!w) {
		w = node->writer = xcalloc(1, sizeof(*w));
		w->o = o;
		w->node = node;
	}
	return w;
}

static void node_write(struct operator *o, struct cluster_node *node)
{
	struct writer *w = node->writer;
	struct error error;
	json_t *allocated;

	if (w && (w->call || (w->retry.at > loop_now() && !strcmp(w->version, node->version))))
		return; /* queued again by the answer, the timer or a newer object */
	allocated = cluster_decide(&o->cluster, node, &error);
	if (allocated)
		send(writer_of(o, node), "", "spec",
		     json_pack("{s:{s:{s:o}}}", "ipam", "pools", "allocated", allocated));
	else if (!node->ignored && strcmp(error.text, node->status_error ? node->status_error : ""))
		send(writer_of(o, node), "/status", "status",
		     json_pack("{s:{s:{s:s?}}}", "ipam", "operator-status", "error",
			       *error.text ? error.text : NULL));
}

void nodes_write(struct operator *o)
{
	struct cluster_node *node;

	while (!o->ending && o->flying < FLYING_MAX && lease_is_held(o->lease) &&
	       (node = cluster_next(&o->cluster)))
		node_write(o, node);
}

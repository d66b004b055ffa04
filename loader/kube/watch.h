/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A collection of the API server, followed: everything that is there, then every change, through restarts,
 * compactions (410), broken connections and servers that cannot stream a list. Keeps names, not objects.
 * An object that was deleted and made again while nobody watched is a change; its uid tells.
 */
#ifndef PP_KUBE_WATCH_H
#define PP_KUBE_WATCH_H

#include "loader/kube/api.h"

struct watch;

struct watch_spec {
	const char *path;           /* "/apis/cilium.io/v2/ciliumnodes" */
	const char *field_selector; /* "spec.nodeName=w1"; NULL: none */
	const char *label_selector; /* NULL: none */
	bool metadata_only;         /* objects are PartialObjectMetadata: metadata alone */
	/* @object is borrowed. For new and changed objects; after a new sync also for unchanged ones. */
	void (*set)(void *arg, json_t *object);
	/* @namespace: "" for cluster-wide ones. Also for what vanished while nobody watched; before synced(). */
	void (*gone)(void *arg, const char *namespace, const char *name);
	/* Everything is there; again after each new sync. NULL, as the others: watch_has() is enough. */
	void (*synced)(void *arg);
	void *arg;
};

/* Starts at once, and never ends by itself. The spec's strings must outlive it. */
struct watch *watch_start(struct loop *loop, struct api *api, const struct watch_spec *spec);
void watch_stop(struct watch *w); /* before api_free(), and not from within the spec's functions */

bool watch_is_synced(const struct watch *w); /* has been, once */
/* loop_now() of the last event, bookmark or acceptance of the connection; 0: none yet. */
uint64_t watch_heard(const struct watch *w);
/* Why it is not connected now; "" if it is. */
const char *watch_trouble(const struct watch *w);
/* Whether the server has the object, as far as is known. */
bool watch_has(const struct watch *w, const char *namespace, const char *name);
/* Number of objects. */
size_t watch_count(const struct watch *w);

#endif

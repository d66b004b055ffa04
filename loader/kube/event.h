/* SPDX-License-Identifier: GPL-2.0-only */
/* Events about objects that were not taken as they are: what kubectl describe shows. */
#ifndef PP_KUBE_EVENT_H
#define PP_KUBE_EVENT_H

#include "loader/kube/api.h"

struct events { /* zeroed at first but for @instance */
	const char *instance; /* of this program: a node's name, or an identity */
	unsigned int flying;
};

/* @kind: in any case; @namespace: of its objects if they have one; @uid: of the object. May be lost. */
void event_send(struct events *events, struct api *api, const char *kind, const char *namespace,
		const char *name, const char *uid, const char *reason);

#endif

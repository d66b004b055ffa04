/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the agent of a managed node keeps in pp_metadata: the metadata of this node's pods, which ADD needs
 * and no runtime passes, and its own status. The agent alone writes it; no lock is needed. None of it is
 * ever part of an apply plan.
 */
#ifndef PP_MANAGED_H
#define PP_MANAGED_H

#include <jansson.h>

#include "loader/kernel/context.h"
#include "loader/kernel/store.h"

/*
 * Stores uid, labels and the annotations that pinpool reads of @pod, an object with metadata as the API
 * server has it. Unchanged: no write. 0 or -errno with a sentence.
 */
int pod_object_set(struct context *node, const char *namespace, const char *name, const json_t *pod,
		   struct error *e);
/* Forgets the pod and its unmet demand; unknown: success. */
int pod_object_delete(struct context *node, const char *namespace, const char *name, struct error *e);
/* Its metadata, owned by the caller; NULL: unknown. */
json_t *pod_object_get(struct context *node, const char *namespace, const char *name);
/* All, named NAMESPACE/NAME and sorted; the caller calls stored_free(). */
int pod_objects_list(struct context *node, struct stored **list, size_t *count, struct error *e);

/*
 * {"synced": seconds since the epoch of the last full contact with the API server (0: none), "pid" and
 * "version" of the agent, "operator": {"error": its last word on this node, "waiting": seconds since when
 * demand is not met} or null, "trouble": of agent or host, "rejected": [{"kind", "name", "reason"}]}
 */
int agent_status_set(struct context *node, const json_t *status, struct error *e);
/* Owned by the caller; NULL: no agent has written any. */
json_t *agent_status_get(struct context *node);

#endif

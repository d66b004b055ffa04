/* SPDX-License-Identifier: GPL-2.0-only */
/* The node of a call of the plugin, open. */
#ifndef PP_CNI_SESSION_H
#define PP_CNI_SESSION_H

#include "loader/cni/cni.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"

struct cni_session {
	struct context node;
	struct netlink *nl; /* of the node's network namespace, the current one */
};

/*
 * Opens root and netlink under the shared lock; 0 or -errno (-ENOENT: not up, or pins are missing).
 * The caller always closes it.
 */
int cni_open(struct cni_session *s, const struct cni_request *r, struct error *e);
void cni_close(struct cni_session *s);

/* Opens the pins that creating a pod needs: -ENOENT with a sentence if one is missing. */
int cni_open_pins(struct cni_session *s, struct error *e);

/* Opens CNI_NETNS, once; a descriptor, or -1 with *code and the sentence. */
int cni_open_netns(const struct cni_request *r, enum cni_code *code, struct error *e);

/* The request's container and interface as a lease's key. */
struct lease_owner cni_owner(const struct cni_request *r);

#endif

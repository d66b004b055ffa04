/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of an existing pod as its lease describes it: to compare, or to recreate. */
#ifndef PP_POD_RESTORE_H
#define PP_POD_RESTORE_H

#include "loader/ipam/transactions.h"
#include "loader/kernel/context.h"
#include "loader/pod/link.h"
#include "maps/pods.h"

/* @netns: the pod's, -1 where it cannot be opened. @program: of pods' veths. */
void pod_spec(struct context *node, const struct lease_entry *l, const struct pod *pod,
	      int netns, int program, struct pod_link *spec);

/*
 * Completes or recreates the interface of a bound lease, and publishes it. If the pod's namespace
 * cannot be opened by its recorded name, only the host's end; -ENODEV or -ENOENT if that is gone
 * too.
 */
int pod_restore(struct context *node, struct netlink *nl, const struct lease_entry *l,
		const struct pod *pod, struct error *e);

#endif

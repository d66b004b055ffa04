/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every invariant of a node: bitmap = leases = endpoints = links = routes, no overlap, no leak. The
 * leases are the truth that all else is compared with and repaired from.
 */
#ifndef PP_AUDIT_H
#define PP_AUDIT_H

#include <stddef.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"

struct audit_report {
	void (*fn)(const char *text, void *arg); /* one violation, one line; NULL: only counted */
	void *arg;
};

/*
 * Tells @report each violation; *count says how many. Without the root's lock pods may come and go
 * meanwhile, so only a count of 0 means something. 0 or -errno: it could not be read.
 */
int audit_run(struct context *node, struct netlink *nl, const struct audit_report *report,
	      size_t *count, struct error *e);

/*
 * Repairs what can be repaired; needs the root's lock exclusively. What stands then is for
 * audit_run().
 */
int audit_fix(struct context *node, struct netlink *nl, struct error *e);

/*
 * Leases made again from the interfaces of pods whose lease is lost: the alias tells the owner, the
 * neighbours tell addresses and slot. Counters are left to audit_fix(). *count: how many were made.
 */
int audit_rebuild(struct context *node, struct netlink *nl, size_t *count, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows changes that others make to the host: uplinks come, go, are renamed and recreated, their
 * addresses move, routes and sysctls are lost. `up` and `apply` call it with their own changes, the
 * minute's `gc` and `check --fix` alone.
 */
#ifndef PP_REPAIR_H
#define PP_REPAIR_H

#include "loader/host/uplink.h"

/* The parts fail separately: a failed one does not stop the others. */
enum repair_part { REPAIR_UPLINKS, REPAIR_SYSCTLS, REPAIR_ROUTES, REPAIR_PARTS };

struct repair {
	struct uplinks_result uplinks;
	unsigned int changes;              /* of all parts */
	bool failed[REPAIR_PARTS];
	struct error errors[REPAIR_PARTS]; /* of those that failed */
};

/*
 * Rejects @options, which are not in force yet, if they change `devices` to name an interface that
 * does not exist or cannot be an uplink. -ENODEV.
 */
int repair_check(struct context *node, const struct options *options, struct error *e);

/*
 * Reconciles uplinks and sysctls with @options, for a caller that holds the root's lock exclusively
 * and writes node->config and the routes afterwards. @flags: enum uplinks_flags. After `pinpool
 * down` uplinks stay detached. Returns the first error, which is in @e.
 */
int repair_host(struct context *node, struct netlink *nl, const struct options *options,
		unsigned int flags, struct repair *r, struct error *e);

/*
 * Reconciles everything with the effective options. The root's lock may be shared: concurrent calls
 * take turns. 0, or the first error; r->failed has the failed parts.
 */
int repair_node(struct context *node, struct netlink *nl, struct repair *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes on the host without us, made right again: uplinks come, go, are renamed and made again,
 * their addresses move, routes and sysctls are lost. `up` and `apply` do it with what they change, the
 * minute's `gc` and `check --fix` by themselves.
 */
#ifndef PP_REPAIR_H
#define PP_REPAIR_H

#include "loader/host/uplink.h"

/* The parts fail on their own: one that cannot be repaired does not stop the others. */
enum repair_part { REPAIR_UPLINKS, REPAIR_SYSCTLS, REPAIR_ROUTES, REPAIR_PARTS };

struct repair {
	struct uplinks_result uplinks;
	unsigned int changes;              /* of all parts */
	bool failed[REPAIR_PARTS];
	struct error errors[REPAIR_PARTS]; /* of those that failed */
};

/*
 * Refuses @options, which are not in force yet, if they change `devices` to name an interface that
 * does not exist or cannot be an uplink. -ENODEV.
 */
int repair_check(struct node *node, const struct options *options, struct error *e);

/*
 * Uplinks and sysctls by @options, for a caller that holds the root's lock exclusively and writes
 * node->config and the routes afterwards. @flags: enum uplinks_flags. After `pinpool down` uplinks stay
 * detached. Returns the first error, which is in @e.
 */
int repair_host(struct node *node, struct netlink *nl, const struct options *options,
		unsigned int flags, struct repair *r, struct error *e);

/*
 * Everything by the options that hold. The root's lock may be shared: two at once take turns. 0, or
 * the first error; r->failed says which parts failed.
 */
int repair_node(struct node *node, struct netlink *nl, struct repair *r);

#endif

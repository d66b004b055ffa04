/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that pods leave by: chosen, hooked, and what the host needs so that it forwards. */
#ifndef PP_UPLINK_LOADER_H
#define PP_UPLINK_LOADER_H

#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/net/tc.h"

/* Where an uplink's tcx link is pinned: <root>/v<ABI>/link/<ifname>_in or _out ('.' becomes '_'). */
void uplink_pin(const struct node *node, const char *ifname, enum tc_direction direction,
		char *path, size_t size);

/*
 * Hooks the programs to the uplinks that `devices` names (default: those with a default route), lets
 * go of others, sets the XDP guard on or off (@load_time: only `up` does), and notes their addresses in pp_uplinks and node->config (address, mtu; not written).
 * *count says how many there are.
 */
int uplinks_attach(struct node *node, struct netlink *nl, const struct options *options,
		   bool load_time, size_t *count, struct error *e);
int uplinks_detach(struct node *node, struct netlink *nl, struct error *e);

/* Sysctls of INTERFACES.md; what stood there before is kept for host_restore(). */
int host_prepare(struct node *node, const struct options *options, struct error *e);
int host_restore(struct node *node, struct error *e);

#endif

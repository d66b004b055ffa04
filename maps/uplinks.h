/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_uplinks: interfaces by which pods' packets leave, by ifindex, with their masquerade address.
 * An interface is listed only while pp_to_net is attached to its egress: packets that need
 * masquerade are dropped on all others (STAT_NO_UPLINK).
 */
#ifndef PP_UPLINKS_H
#define PP_UPLINKS_H

#include "maps/addr.h"

#define UPLINKS_MAX 64

struct uplink {
	char ifname[16];
	struct addr address[FAMILIES]; /* if the route has no source; all zero: none */
};

#endif

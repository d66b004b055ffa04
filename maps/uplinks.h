/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_uplinks: the interfaces that pods leave by, by ifindex, with the address to masquerade as. An
 * interface is listed only while pp_to_net is attached to its egress: by any other, what would have to
 * be masqueraded is dropped (STAT_NO_UPLINK).
 */
#ifndef PP_UPLINKS_H
#define PP_UPLINKS_H

#include "maps/addr.h"

#define UPLINKS_MAX 64

struct uplink {
	char ifname[16];
	struct addr address[FAMILIES]; /* where the route names no source; all zero: none */
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_inbound: connections that outside opened to a pod's own address, keyed like the pod's replies,
 * which keep that address. Entries are created only by a SYN, or the first packet of UDP or echo,
 * from a source that is otherwise masqueraded; a SYN from the pod takes precedence.
 */
#ifndef PP_INBOUND_H
#define PP_INBOUND_H

#include "maps/flows.h"

#define INBOUND_MAX 16384

struct inbound {
	__u32 expires;        /* clock units */
	__u32 pod_generation;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_inbound: connections that outside opened to a pod's own address, keyed as the pod answers: the
 * answers keep that address. Only a SYN, or the first packet of UDP or echo, from a source that is
 * masqueraded otherwise makes an entry; a SYN from the pod goes before it.
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_frags: what the first fragment of a datagram told about the rest, which has no ports. Lost
 * entries cost one datagram, so this is an LRU.
 */
#ifndef PP_FRAGS_H
#define PP_FRAGS_H

#include "maps/flows.h"

#define FRAGS_MAX 8192

struct frag_key {
	struct addr source, destination; /* as the fragment arrives */
	__u32 id;                        /* IPv4: 16 bits */
	enum protocol protocol;
};

struct frag {
	struct flow_ref flow;
	__u32 expires;     /* clock units */
	__u32 id;          /* what its identification becomes on its way out */
	__u8 masqueraded;  /* false: leaves as it is, flow is void */
	__u8 pad[3];
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_frags: translation of a datagram, recorded from its first fragment for the others, which have
 * no ports. A lost entry costs one datagram, so this is an LRU.
 */
#ifndef PP_FRAGS_H
#define PP_FRAGS_H

#include "maps/flows.h"

#define FRAGS_MAX 8192

struct frag_key {
	struct addr source, destination; /* in their form on arrival */
	__u32 id;                        /* IPv4: 16 bits */
	enum protocol protocol;
};

struct frag {
	struct flow_ref flow;
	__u32 expires;     /* clock units */
	__u32 id;          /* identification after masquerade */
	__u8 masqueraded;  /* false: addresses unchanged, flow is unused */
	__u8 pad[3];
};

#endif

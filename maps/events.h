/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_events: samples of drops for `pinpool monitor`; at most EVENTS_BURST per CPU and clock unit. */
#ifndef PP_EVENTS_H
#define PP_EVENTS_H

#include "maps/flows.h"
#include "maps/stats.h"

#define EVENTS_BYTES (1 << 18)
#define EVENTS_BURST 64

struct event {
	__u64 time;             /* ns since boot (CLOCK_BOOTTIME) */
	enum stat reason;
	__u32 ifindex;
	__u32 length;           /* of the frame */
	__u32 ethertype;        /* host order; if not IP the packet's fields are 0 */
	struct flow_key packet; /* ports are 0 if unreadable */
};

/* pp_event_rate: per cpu, one entry */
struct event_rate {
	__u32 unit;  /* current clock unit */
	__u32 count; /* samples written in it */
};

#endif

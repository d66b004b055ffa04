/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flow_cache: what the last packet of a flow has found on a CPU, so that the next one need not ask the
 * routing table, the tries and the hashes again. Per cpu; the place follows from the key, and another
 * flow of the same place takes it over. An entry counts until the kernel's clock ticks (1 to 10 ms),
 * about as long as the kernel itself may go on with an old route (an RCU grace period); what belongs
 * to a pod or a flow is void at once when that is gone. Only packets' programs write it.
 */
#ifndef PP_FLOW_CACHE_H
#define PP_FLOW_CACHE_H

#include <stdbool.h>

#include "maps/flows.h"

#define FLOW_CACHE_BITS 8
#define FLOW_CACHE_ENTRIES (1 << FLOW_CACHE_BITS)

enum cache_kind {
	CACHE_EMPTY,
	CACHE_POD,    /* of CACHE_INGRESS: to the pod in `slot` */
	CACHE_FLOW,   /* masqueraded, or so undone, by the flow in `slot` */
	CACHE_NATIVE, /* leaves with the address of the pod in `slot` */
};

enum cache_direction {
	CACHE_EGRESS, /* of a pod */
	CACHE_INGRESS,  /* from an uplink */
};

/* Laid out as struct bpf_redir_neigh, which would show as a nameless union in dumps. */
struct next_hop {
	__u32 family;          /* AF_INET, AF_INET6 */
	__u32 address[4];      /* as in a packet; of IPv4 the first */
};

struct cache_entry {
	struct flow_key key;
	__u32 tick;            /* low bits of jiffies */
	enum cache_direction direction;
	enum cache_kind kind;
	__u32 slot, generation;
	bool inbound_recorded;            /* of CACHE_INGRESS: pp_inbound has it where it must */
	__u8 pad[3];
	/* of CACHE_EGRESS: where the routing table sends it */
	__u32 ifindex;         /* 0: not asked */
	struct next_hop hop;
	__u32 mtu;             /* of the route */
	__u32 tos;             /* of IPv4: the routing table may ask for it */
};

_Static_assert(sizeof(struct cache_entry) == 96, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flow_cache: cached lookup results of a flow, so that its next packet skips the routing table,
 * the tries and the hashes. Per CPU; the index is a hash of the key, and a colliding flow takes the
 * entry over. An entry is valid until the next jiffy (1 to 10 ms), about as long as the kernel
 * itself may use an old route (an RCU grace period); pods and flows are checked by generation, so
 * results for deleted ones are never used. Written only by packet programs.
 */
#ifndef PP_FLOW_CACHE_H
#define PP_FLOW_CACHE_H

#include <stdbool.h>

#include "maps/flows.h"

#define FLOW_CACHE_BITS 8
#define FLOW_CACHE_ENTRIES (1 << FLOW_CACHE_BITS)

enum cache_kind {
	CACHE_EMPTY,
	CACHE_POD,    /* ingress: to the pod in `slot` */
	CACHE_FLOW,   /* masqueraded, or reversed, by the flow in `slot` */
	CACHE_NATIVE, /* leaves with the address of the pod in `slot` */
};

enum cache_direction {
	CACHE_EGRESS,  /* from a pod */
	CACHE_INGRESS, /* from an uplink */
	CACHE_MASQ_ADDRESS, /* of new flows from this source to this destination, as hop.address */
};

/* Layout of struct bpf_redir_neigh, which would show as a nameless union in dumps. */
struct next_hop {
	__u32 family;          /* AF_INET, AF_INET6 */
	__u32 address[4];      /* network order; IPv4 uses the first */
};

struct cache_entry {
	struct flow_key key;
	__u32 tick;            /* low bits of jiffies */
	enum cache_direction direction;
	enum cache_kind kind;
	__u32 slot, generation;
	bool inbound_recorded; /* ingress: pp_inbound has the connection if needed */
	__u8 pad[3];
	/* egress: result of the route lookup; masquerade address: the uplink's */
	__u32 ifindex;         /* 0: not looked up */
	struct next_hop hop;
	__u32 mtu;             /* of the route */
	__u32 tos;             /* IPv4: the route may depend on it */
};

_Static_assert(sizeof(struct cache_entry) == 96, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

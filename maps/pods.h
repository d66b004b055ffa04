/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pods: the pods of this node by slot; pp_pod_ips: the slot by address.
 *
 * A pod's MAC address contains its slot (02:70:70 and 24 bits), so the program on its veth finds
 * the sender without a hash; the interface of the slot then proves it, the MAC address proves
 * nothing. A pod with another MAC address is found by its address. Flows reference slot and
 * generation, so the end of a pod invalidates its flows at once.
 */
#ifndef PP_PODS_H
#define PP_PODS_H

#include "maps/addr.h"

#define PODS_MAX 16384

enum pod_state {
	POD_FREE,
	POD_RESERVED, /* a lease has the slot, no interface yet */
	POD_READY,
} __attribute__((packed));

enum pod_flags {
	POD_BY_STACK = 1, /* has host ports: conntrack must see its answers */
	POD_SHAPED = 2,   /* has rate limits: its packets pass the queues of its interface */
};

/* One cache line: a packet reads all of it, at most. */
struct pod {
	enum pod_state state;
	__u8 flags;                /* enum pod_flags */
	__u16 mtu;                 /* of the pod's interface; longer packets go by the stack. 0: any */
	__u32 ifindex;             /* of the host's end of the veth */
	__u32 generation;          /* the lease's */
	__u32 pool[FAMILIES];
	__u8 mac[6];               /* of the pod, as last seen by CHECK or gc */
	__u8 host_mac[6];          /* of the host's end: the gateway as the pod sees it */
	struct addr ip[FAMILIES];  /* all zero: none of this family */
};

struct pod_ip {
	__u32 slot;
	__u32 generation;
};

_Static_assert(sizeof(struct pod) == 64, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

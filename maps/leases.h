/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_leases: owner of each allocated address. Written only by bpf/ipam.bpf.c. */
#ifndef PP_LEASES_H
#define PP_LEASES_H

#include "maps/abi.h"
#include "maps/addr.h"

#define LEASES_MAX 262144

enum lease_state {
	LEASE_NONE,
	LEASE_HELD,     /* by `alloc`: no interface; only `release` frees it */
	LEASE_RESERVED, /* pod under construction; freed once its creator is dead */
	LEASE_BOUND,    /* a pod: its interface is published in pp_pods */
	LEASE_DYING,    /* unpublished; anyone may remove its interface and free it */
};

/* The zero bytes after each string are part of the key. */
struct lease_owner {
	char id[136];    /* CNI container id, netns name or --owner: at most 128 bytes */
	char ifname[16]; /* in the pod; "" for addresses alone */
};

struct lease_ip {
	struct addr address;
	__u32 block; /* 0: none of this family */
	__u32 pool;
};

struct lease {
	enum lease_state state;
	__u32 generation;       /* of this lease, never reused: flows of an older one are dead */
	__u32 creator_pid;        /* while reserved: who makes the pod, */
	__u32 slot;             /* in pp_pods; NO_SLOT for held leases */
	__u64 creator_start;      /* and when that process started (clock ticks since boot) */
	__u64 created;          /* seconds since the epoch */
	struct lease_ip ip[FAMILIES];
	__u32 ifindex;          /* of the host's end; 0 before bind */
	char host_ifname[20];   /* its name: at most 15 bytes */
	char namespace[64];
	char pod[PP_NAME];
	char netns[128];        /* as the caller named it: a name or a path */
	char network[128];      /* CNI's name of the network; "": made without CNI */
};

#define NO_SLOT 0xffffffff

#endif

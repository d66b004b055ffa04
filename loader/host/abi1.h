/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ABI 1 as migrate.c reads it: the layouts that have changed since, frozen, and the sizes of those that
 * have not. Nothing here ever changes; where maps/ moves away from a size below, that layout is frozen
 * here too.
 */
#ifndef PP_ABI1_H
#define PP_ABI1_H

#include <linux/types.h>

struct abi1_addr {
	__u8 byte[16];
} __attribute__((aligned(8)));

/* pp_config */
struct abi1_config {
	__u8 ipv4, ipv6;
	__u8 masquerade[2];
	__u8 masquerade_default_only;
	__u8 endpoint_routes;
	__u8 pad[2];
	__u32 default_pool;
	__u32 mtu;
	struct abi1_addr address[2];
	__u32 allocator; /* enum node_allocator */
	__u32 pad2;
	__u64 synced;
	__u64 netns_cookie;
	char default_pool_name[256];
	char node[256];
	char state_file[256];
};

/* pp_blocks */
struct abi1_block {
	__u32 pool;
	__u32 family; /* enum family */
	__u32 state;  /* enum block_state */
	__u32 used;
	struct {
		struct abi1_addr addr;
		__u32 length, pad;
	} prefix;
	__u32 size;
	__u32 low, high;
	__u32 cursor;
	__u32 prev, next;
	__u64 created;
	__u64 keep_until;
	__u64 full[2];
};

/* pp_pods */
struct abi1_pod {
	__u32 state; /* enum pod_state */
	__u32 ifindex;
	__u32 generation;
	__u32 pool[2];
	__u8 mac[6];
	__u8 host_mac[6];
	__u32 mtu;
	__u32 flags; /* enum pod_flags */
	__u32 pad;
	struct abi1_addr ip[2];
};

/* pp_objects: the key */
struct abi1_object_key {
	__u32 kind; /* enum object_kind */
	__u32 chunk;
	char name[256];
};

/* pp_uplinks, by ifindex */
struct abi1_uplink {
	char ifname[16];
	struct abi1_addr address[2];
};

/* The same in this ABI. */
#define ABI1_IPAM 48
#define ABI1_POOL 368
#define ABI1_POOL_NAME 256
#define ABI1_POOL_CIDR_KEY 12
#define ABI1_POOL_CIDR 32
#define ABI1_IPS_KEY 8
#define ABI1_IPS_CHUNK 64
#define ABI1_LEASE_OWNER 152
#define ABI1_LEASE 680
#define ABI1_OBJECT_CHUNK 1544
#define ABI1_ADDR 16
#define ABI1_POD_IP 8
#define ABI1_FLOW_KEY 40
#define ABI1_INBOUND 8

#endif

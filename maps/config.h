/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_config: the node's effective options for the programs and the pods' commands, one entry.
 * Written by `up`, `apply`, `down` and, under the derived lock, by `gc` (address, mtu); `synced` by
 * the holder of the derived lock.
 */
#ifndef PP_CONFIG_H
#define PP_CONFIG_H

#include "maps/abi.h"
#include "maps/addr.h"

enum node_allocator {
	NODE_ALLOCATOR_LOCAL,
	NODE_ALLOCATOR_STATIC,
};

struct config {
	/* read by programs */
	__u8 enabled[FAMILIES];          /* families that pods get */
	__u8 masquerade[FAMILIES];       /* bpf-masquerade and the family's switch */
	__u8 masquerade_default_only;    /* only-masquerade-default-pool */
	__u8 endpoint_routes;
	__u8 down;                       /* `pinpool down`: no uplink is attached until `up` */
	__u8 managed;                    /* the objects come from an API server: for the loader */
	__u32 default_pool;              /* id; 0: it does not exist */
	__u32 mtu;                       /* of pods */
	struct addr address[FAMILIES];   /* address of the node towards pods; all zero: none */
	/* read by the loader's commands */
	enum node_allocator allocator;
	__u32 pad2;
	__u64 synced;                    /* generation of pp_ipam that the derived maps and routes reflect */
	__u64 netns_cookie;              /* the network namespace that the node was brought up in */
	char default_pool_name[PP_NAME];
	char node[PP_NAME];
	char state_file[PP_NAME];        /* file that preserves the node's blocks over a reboot; "": none */
};

#endif

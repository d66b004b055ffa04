/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_cidrs: owner of each address range; derived from pp_blocks, pp_pool_cidrs and the CiliumNodes,
 * and rebuilt from them by `check --fix`.
 */
#ifndef PP_CIDRS_H
#define PP_CIDRS_H

#include "maps/addr.h"

#define CIDRS_MAX 262144

enum cidr_kind {
	CIDR_NONE,
	CIDR_LOCAL,  /* a block of this node */
	CIDR_REMOTE, /* a block of another node */
	CIDR_POOL,   /* of a pool, not allocated */
};

/* key format of an LPM trie: the length first, of 128 */
struct cidr_key {
	__u32 length;
	struct {
		__u8 byte[16];
	} addr; /* not struct addr, whose alignment would leave a hole after the length */
};

struct cidr {
	enum cidr_kind kind;
	__u32 pool;
	__u32 block;           /* CIDR_LOCAL */
	__u32 pad;
	struct addr next_hop;  /* CIDR_REMOTE; all zero: unknown */
};

_Static_assert(sizeof(struct cidr_key) == 20, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

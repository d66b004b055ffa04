/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_blocks: the PodCIDRs that this node holds. Only bpf/ipam.bpf.c writes it. */
#ifndef PP_BLOCKS_H
#define PP_BLOCKS_H

#include "maps/addr.h"

#define BLOCKS_MAX 8192
#define BLOCK_TRACKED 65536 /* addresses tracked of one block (IPAM.md 3) */

enum block_state {
	BLOCK_NONE,
	BLOCK_ACTIVE,
	BLOCK_DRAINING, /* keeps its pods, gives no address; gone with the last one */
};

struct block {
	__u32 pool;
	enum family family;
	enum block_state state;
	__u32 used;        /* addresses in use */
	struct prefix prefix;
	__u32 size;        /* addresses tracked */
	__u32 low, high;   /* a pod may have the offsets low .. high-1 */
	__u32 cursor;      /* where the next search starts; survives release (next-fit) */
	__u32 prev, next;  /* the pool's blocks of this family, in the order of allocation */
	__u32 excluded;    /* bits of pp_excluded; all lie in low .. high-1 */
	__u64 created;     /* seconds since the epoch */
	__u64 keep_until;  /* seconds since boot: not given back before, for its pods may come back; 0 */
	__u64 full[2];     /* bit n: no free address in chunk n of pp_ips */
};

/* The addresses that pods may get, in use or free. */
static inline __u32 block_capacity(const struct block *b)
{
	return b->high - b->low - b->excluded;
}

#endif

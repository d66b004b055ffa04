/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_blocks: the PodCIDRs that this node holds. Written only by bpf/ipam.bpf.c. */
#ifndef PP_BLOCKS_H
#define PP_BLOCKS_H

#include "maps/addr.h"

#define BLOCKS_MAX 8192
#define BLOCK_TRACKED 65536 /* addresses tracked per block (pinpool-ipam(7), CHOICE OF THE ADDRESS) */

enum block_state {
	BLOCK_NONE,
	BLOCK_ACTIVE,
	BLOCK_DRAINING, /* keeps its pods, allocates no address, ends with its last pod */
};

struct block {
	__u32 pool;
	enum family family;
	enum block_state state;
	__u32 used;        /* addresses in use */
	struct prefix prefix;
	__u32 size;        /* addresses tracked */
	__u32 low, high;   /* pods use offsets low .. high-1 */
	__u32 cursor;      /* start of the next search (next-fit); survives releases */
	__u32 prev, next;  /* list of the pool's blocks of this family, oldest first */
	__u32 excluded;    /* number of bits in pp_excluded; all lie in low .. high-1 */
	__u64 created;     /* seconds since the epoch */
	__u64 keep_until;  /* seconds since boot: not released before, because its pods may return; 0: no */
	__u64 full[2];     /* bit n: no free address in chunk n of pp_ips */
};

/* Number of addresses that pods can use, free or not. */
static inline __u32 block_capacity(const struct block *b)
{
	return b->high - b->low - b->excluded;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_frag_ids: which IP identifications pods' masqueraded fragments may have; an entry for each hash
 * of their destination. All of them leave with the node's address, so a receiver tells two pods'
 * fragments apart by this number alone (RFC 791, RFC 6864, RFC 8200 4.5).
 *
 * The 65,536 numbers are cut in segments. A segment is one pod's until FRAG_ID_TIMEOUT after its last
 * use, so no two pods' fragments ever have the same one at a time. A pod takes another segment once
 * its own are used up, while more are free than it has: one pod alone gets half, and others always
 * find some. Then it begins again with its oldest, as a host without a node in between would.
 */
#ifndef PP_FRAG_IDS_H
#define PP_FRAG_IDS_H

#include <linux/types.h>

#define FRAG_ID_BUCKETS 256
#define FRAG_ID_SEGMENTS 128
#define FRAG_ID_LENGTH 512  /* numbers in a segment */
#define FRAG_ID_TIMEOUT 60  /* clock units: what reassembly waits (RFC 8200 4.5) */

struct frag_segment {
	__u64 owner;    /* slot + 1 of the pod (16 bits), uses of the segment (16), generation (32) */
	__u32 expires;  /* clock units: the last in which it is the owner's alone */
	__u32 next;     /* number inside the segment; FRAG_ID_LENGTH or more: used up */
};

struct frag_ids {
	struct frag_segment segment[FRAG_ID_SEGMENTS];
};

_Static_assert(FRAG_ID_SEGMENTS * FRAG_ID_LENGTH == 1 << 16, "an IPv4 identification has 16 bits");

#endif

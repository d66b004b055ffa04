/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_frag_ids: IP identifications for masqueraded fragments of pods; one entry per hash of their
 * destination. All leave with the node's address, so a receiver can separate the fragments of two
 * pods only by this number (RFC 791, RFC 6864, RFC 8200 4.5).
 *
 * The 65,536 numbers are divided into segments. A segment belongs to one pod until FRAG_ID_TIMEOUT
 * after its last use, so two pods never use the same number at a time. A pod takes another segment
 * when its own are used up and more are free than it holds: a single pod gets at most half, and
 * others always find some. Then it restarts with its oldest, like a host without NAT.
 */
#ifndef PP_FRAG_IDS_H
#define PP_FRAG_IDS_H

#include <linux/types.h>

#define FRAG_ID_BUCKETS 256
#define FRAG_ID_SEGMENTS 128
#define FRAG_ID_LENGTH 512  /* numbers in a segment */
#define FRAG_ID_TIMEOUT 60  /* clock units: reassembly timeout (RFC 8200 4.5) */

struct frag_segment {
	__u64 owner;    /* slot + 1 of the pod (16 bits), uses of the segment (16), generation (32) */
	__u32 expires;  /* clock units: the last one in which it belongs to the owner */
	__u32 next;     /* next number inside the segment; FRAG_ID_LENGTH or more: used up */
};

struct frag_ids {
	struct frag_segment segment[FRAG_ID_SEGMENTS];
};

_Static_assert(FRAG_ID_SEGMENTS * FRAG_ID_LENGTH == 1 << 16, "an IPv4 identification has 16 bits");

#endif

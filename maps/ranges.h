/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_ranges: where addresses of this node's pods can lie, coarse: a few prefixes that together
 * cover every local block (the CIDRs of all pools will do; covering more is harmless). Most packets
 * of an uplink lie outside and are let go after a few comparisons; what lies inside is looked up.
 *
 * count 0 means unknown: everything is looked up. More prefixes than fit: merge, or count 0.
 *
 * Beside them a Bloom filter of the node's own addresses: a source from outside whose bit is not
 * set is certainly none of them; one whose bit is set is looked up in pp_nomasq (NOMASQ_OWN).
 */
#ifndef PP_RANGES_H
#define PP_RANGES_H

#include "maps/addr.h"

#define RANGES_MAX 8
#define OWN_BITS_LOG2 10
#define OWN_WORDS ((1 << OWN_BITS_LOG2) / 64)

/* The address's last 4 bytes, or an IPv6 address's first 8, as they stand in a packet. */
struct range_ipv4 {
	__u32 network, mask;
};

struct range_ipv6 {
	__u64 network, mask; /* a prefix longer than /64 counts as its /64 */
};

struct ranges {
	__u32 count[FAMILIES];
	struct range_ipv4 ipv4[RANGES_MAX];
	struct range_ipv6 ipv6[RANGES_MAX];
	__u64 own[OWN_WORDS]; /* bit n: 1 << n % 64 in word n / 64 */
};

/* The bit of an address in ranges.own; @high, @low: its bytes as two words in memory order. */
static inline __u32 own_bit(__u64 high, __u64 low)
{
	return ((high ^ low) * 0x9e3779b97f4a7c15ULL) >> (64 - OWN_BITS_LOG2);
}

#endif

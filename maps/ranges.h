/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_ranges: coarse cover of this node's pod addresses: a few prefixes that cover every local block
 * (those of all pools suffice; covering more is harmless). Most packets of an uplink are outside
 * and pass after a few comparisons; only the others need a lookup.
 *
 * count 0 means unknown: every packet needs a lookup. Prefixes that do not fit are merged, or count
 * is 0.
 *
 * The Bloom filter `own` has the node's own addresses: a source from outside with a clear bit is
 * certainly not one of them; with a set bit it is looked up in pp_nomasq (NOMASQ_OWN).
 */
#ifndef PP_RANGES_H
#define PP_RANGES_H

#include "maps/addr.h"

#define RANGES_MAX 8
#define OWN_BITS_LOG2 10
#define OWN_WORDS ((1 << OWN_BITS_LOG2) / 64)

/* Last 4 bytes of an IPv4 address or first 8 of an IPv6 address, in network order. */
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

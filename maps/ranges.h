/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_ranges: where addresses of this node's pods can lie, coarse: a few prefixes that together
 * cover every local block (the CIDRs of all pools will do; covering more is harmless). Most packets
 * of an uplink lie outside and are let go after a few comparisons; what lies inside is looked up.
 *
 * count 0 means unknown: everything is looked up. More prefixes than fit: merge, or count 0.
 */
#ifndef PP_RANGES_H
#define PP_RANGES_H

#include "maps/addr.h"

#define RANGES_MAX 8

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
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Coarse test for addresses of this node's pods (maps/ranges.h). */
#ifndef PP_BPF_RANGES_BPF_H
#define PP_BPF_RANGES_BPF_H

#include "bpf/address.bpf.h"
#include "maps/ranges.bpf.h"

static __always_inline bool ranges_cover_ipv4(const struct ranges *ranges, __u32 ip)
{
	for (__u32 i = 0; i < RANGES_MAX; i++) {
		if (i >= ranges->count[FAMILY_IPV4])
			break;
		if ((ip & ranges->ipv4[i].mask) == ranges->ipv4[i].network)
			return true;
	}
	return false;
}

static __always_inline bool ranges_cover_ipv6(const struct ranges *ranges, __u64 high)
{
	for (__u32 i = 0; i < RANGES_MAX; i++) {
		if (i >= ranges->count[FAMILY_IPV6])
			break;
		if ((high & ranges->ipv6[i].mask) == ranges->ipv6[i].network)
			return true;
	}
	return false;
}

static __always_inline struct ranges *ranges_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pp_ranges, &zero);
}

/* False: certainly not an address of this node's pods. */
static __always_inline bool may_be_local(const struct ranges *ranges, const struct addr *ip,
					 enum family family)
{
	if (!ranges)
		return true;
	if (family == FAMILY_IPV6)
		return !ranges->count[FAMILY_IPV6] ||
		       ranges_cover_ipv6(ranges, addr_words(ip)->high);
	return !ranges->count[FAMILY_IPV4] || ranges_cover_ipv4(ranges, addr_ipv4(ip));
}

#endif

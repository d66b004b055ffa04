/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's own addresses. A Bloom filter in pp_ranges excludes most others within a few
 * instructions, pp_nomasq has those of the last sync, and the kernel's table decides: an address
 * may have moved to another host (VRRP, DHCP).
 */
#ifndef PP_OWN_ADDRESS_BPF_H
#define PP_OWN_ADDRESS_BPF_H

#include "bpf/nomasq.bpf.h"
#include "maps/ranges.bpf.h"

/* False: certainly not an address of this node. */
static __always_inline bool may_be_own(const struct ranges *ranges, const struct addr *ip)
{
	__u32 bit = own_bit(addr_words(ip)->high, addr_words(ip)->low);

	return !ranges || ranges->own[bit / 64] >> bit % 64 & 1;
}

/* Whether the kernel would not forward a packet from @ifindex to the address. */
static __always_inline bool is_not_forwarded(void *ctx, __u32 ifindex, const struct addr *ip,
					     enum family family)
{
	struct bpf_fib_lookup fib = { .ifindex = ifindex };
	int err;

	if (family == FAMILY_IPV6) {
		fib.family = ADDRESS_IPV6;
		__builtin_memcpy(fib.ipv6_dst, ip, sizeof(struct addr));
	} else {
		fib.family = ADDRESS_IPV4;
		fib.ipv4_dst = addr_ipv4(ip);
	}
	err = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	return err == BPF_FIB_LKUP_RET_NOT_FWDED || err == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* @ctx: of a tc or an XDP program */
static __always_inline bool is_own_address(void *ctx, __u32 ifindex, const struct addr *ip,
					   enum family family)
{
	return nomasq_reason(ip) == NOMASQ_OWN && is_not_forwarded(ctx, ifindex, ip, family);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Masquerade address of a new flow: the source of its route, else the address of the uplink. */
#ifndef PP_MASQ_ADDRESS_BPF_H
#define PP_MASQ_ADDRESS_BPF_H

#include "bpf/fib.bpf.h"
#include "maps/uplinks.bpf.h"

/* Whether other networks can reply to the address; the pod's own is refused. */
static __always_inline bool is_masq_address(const struct addr *ip, const struct packet *p)
{
	return !addr_is_zero(ip) && !addr_equal(ip, &p->key.source) &&
	       !addr_is_multicast(ip, p->family) && !addr_is_martian(ip, p->family) &&
	       !addr_is_link_local(ip, p->family);
}

static __always_inline bool route_source(struct __sk_buff *skb, const struct packet *p,
					 struct addr *ip)
{
	__u32 source = p->family == FAMILY_IPV6 ? cfg.fib_source[FAMILY_IPV6] :
						  cfg.fib_source[FAMILY_IPV4];
	struct bpf_fib_lookup fib = {};

	if (!source)
		return false;
	fib_addresses(&fib, p);
	fib.ifindex = skb->ifindex;
	if (bpf_fib_lookup(skb, &fib, sizeof(fib),
			   BPF_FIB_LOOKUP_OUTPUT | cfg.fib_skip_neigh | source) < 0)
		return false;
	/* the IPv6 lookup may return the best route instead of one through this interface */
	if (fib.ifindex != skb->ifindex)
		return false;
	if (p->family == FAMILY_IPV6)
		__builtin_memcpy(ip, fib.ipv6_src, sizeof(*ip));
	else
		addr_from_ipv4(ip, fib.ipv4_src);
	return is_masq_address(ip, p);
}

/* True: *ip is set. */
__noinline int masq_address(struct __sk_buff *skb, struct packet *p, struct addr *ip)
{
	__u32 ifindex = skb->ifindex;
	struct uplink *uplink;

	if (!p || !ip)
		return false;
	if (route_source(skb, p, ip))
		return true;
	uplink = bpf_map_lookup_elem(&pp_uplinks, &ifindex);
	if (!uplink)
		return false;
	*ip = p->family == FAMILY_IPV6 ? uplink->address[FAMILY_IPV6] : uplink->address[FAMILY_IPV4];
	return is_masq_address(ip, p);
}

#endif

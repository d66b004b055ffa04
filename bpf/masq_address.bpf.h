/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masquerade address of a new flow: the source of its route, else the address of the uplink. The
 * first flow of a tick from a pod to a port of a destination decides for the others: the kernel's
 * lookup costs as much as the rest of a new flow, for IPv6 twice as much.
 */
#ifndef PP_MASQ_ADDRESS_BPF_H
#define PP_MASQ_ADDRESS_BPF_H

#include "bpf/fib.bpf.h"
#include "bpf/flow_cache.bpf.h"
#include "bpf/scratch.bpf.h"
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

static __always_inline bool find_masq_address(struct __sk_buff *skb, const struct packet *p,
					      struct addr *ip)
{
	__u32 ifindex = skb->ifindex;
	struct uplink *uplink;

	if (route_source(skb, p, ip))
		return true;
	uplink = bpf_map_lookup_elem(&pp_uplinks, &ifindex);
	if (!uplink)
		return false;
	*ip = p->family == FAMILY_IPV6 ? uplink->address[FAMILY_IPV6] : uplink->address[FAMILY_IPV4];
	return is_masq_address(ip, p);
}

/* The cached masquerade address of flows like @p's; it is set if ->ifindex is skb's. */
static __always_inline struct cache_entry *masq_cached(struct __sk_buff *skb, const struct packet *p)
{
	struct flow_key key = p->key;
	struct cache_entry *cached;

	key.source_port = 0;
	cached = cache_lookup(skb, &key, CACHE_MASQ_ADDRESS);
	if (cached && cached->tos != p->tos)
		cached->ifindex = 0;
	return cached;
}

/*
 * Whether a flow like that of scratch()'s packet, of the pod in @slot, was masqueraded by this uplink
 * in this tick. Out of line, to keep the key out of the caller's stack frame.
 */
__noinline int is_masq_cached(struct __sk_buff *skb, __u32 slot, __u32 generation)
{
	struct scratch *s = scratch();
	struct cache_entry *cached = s ? masq_cached(skb, &s->packet) : NULL;

	return cached && cached->ifindex == skb->ifindex && cached->slot == slot &&
	       cached->generation == generation;
}

/* True: creation.address is set. */
__noinline int masq_address(struct __sk_buff *skb)
{
	struct scratch *s = scratch();
	struct cache_entry *cached = s ? masq_cached(skb, &s->packet) : NULL;
	struct creation *c;

	if (!cached)
		return false;
	c = &s->creation;
	if (cached->ifindex != skb->ifindex) {
		if (!find_masq_address(skb, &s->packet, &c->address))
			return false;
		cache_set(cached, CACHE_EMPTY, c->pod, c->pod_generation);
		cached->ifindex = skb->ifindex;
		cached->tos = s->packet.tos;
		__builtin_memcpy(cached->hop.address, &c->address, sizeof(c->address));
		return true;
	}
	__builtin_memcpy(&c->address, cached->hop.address, sizeof(c->address));
	return true;
}

#endif

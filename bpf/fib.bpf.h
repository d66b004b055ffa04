/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking the kernel's routing table, and sending a packet the way it says. */
#ifndef PP_FIB_BPF_H
#define PP_FIB_BPF_H

#include <stddef.h>

#include "bpf/config.bpf.h"
#include "bpf/deliver.bpf.h"
#include "maps/flow_cache.h"

static __always_inline void fib_addresses(struct bpf_fib_lookup *fib, const struct packet *p)
{
	if (p->family == FAMILY_IPV6) {
		fib->family = ADDRESS_IPV6;
		__builtin_memcpy(fib->ipv6_src, &p->key.source, sizeof(struct addr));
		__builtin_memcpy(fib->ipv6_dst, &p->key.destination, sizeof(struct addr));
	} else {
		fib->family = ADDRESS_IPV4;
		fib->tos = p->tos;
		fib->ipv4_src = addr_ipv4(&p->key.source);
		fib->ipv4_dst = addr_ipv4(&p->key.destination);
	}
	/* multipath routes spread flows by these */
	fib->l4_protocol = p->key.protocol;
	fib->sport = bpf_htons(p->key.source_port);
	fib->dport = bpf_htons(p->key.destination_port);
}

enum forwarding {
	FORWARD,          /* fib has interface and next hop */
	FORWARD_REFUSED,      /* the stack will not forward it either: the node's own addresses, no route */
	FORWARD_VIA_STACK, /* the stack forwards it: fragments, an ICMP error, an encapsulating route */
};

static __always_inline enum forwarding fib_result(int result)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return FORWARD;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
	case BPF_FIB_LKUP_RET_NOT_FWDED:
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return FORWARD_REFUSED;
	default:
		return FORWARD_VIA_STACK;
	}
}

/* The route of a packet of @length bytes from skb's interface; 1: its device, whatever its MTU is. */
static __always_inline enum forwarding fib_forward(struct __sk_buff *skb, const struct packet *p,
						   __u32 length, struct bpf_fib_lookup *fib)
{
	enum forwarding forwarding;

	fib_addresses(fib, p);
	fib->ifindex = skb->ifindex;
	fib->tot_len = length;
	forwarding = fib_result(bpf_fib_lookup(skb, fib, sizeof(*fib), cfg.fib_skip_neigh));
	/* back to where it came from: it leaves the pod no further */
	return forwarding == FORWARD && fib->ifindex == skb->ifindex ? FORWARD_REFUSED : forwarding;
}

_Static_assert(sizeof(struct next_hop) == sizeof(struct bpf_redir_neigh), "struct next_hop is one");

static __always_inline void fib_next_hop(const struct bpf_fib_lookup *fib, struct next_hop *hop)
{
	hop->family = fib->family;
	if (fib->family == ADDRESS_IPV4)
		hop->address[0] = fib->ipv4_dst;
	else
		__builtin_memcpy(hop->address, fib->ipv6_dst, sizeof(hop->address));
}

/* The neighbour layer resolves the next hop and keeps it fresh. */
static __always_inline int fib_send(__u32 ifindex, struct next_hop *hop)
{
	return bpf_redirect_neigh(ifindex, (struct bpf_redir_neigh *)hop, sizeof(*hop), 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Lookup in the kernel's routing table, and transmission along its result. */
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
	/* multipath routes hash these */
	fib->l4_protocol = p->key.protocol;
	fib->sport = bpf_htons(p->key.source_port);
	fib->dport = bpf_htons(p->key.destination_port);
}

enum forwarding {
	FORWARD,           /* fib holds interface and next hop */
	FORWARD_REFUSED,   /* the stack would not forward it either: local address, no route */
	FORWARD_VIA_STACK, /* the stack must forward it: fragmentation, ICMP error, encapsulating route */
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

/* Looks up the route of a packet of @length bytes from skb's interface; @length 1 ignores the MTU. */
static __always_inline enum forwarding fib_forward(struct __sk_buff *skb, const struct packet *p,
						   __u32 length, struct bpf_fib_lookup *fib)
{
	enum forwarding forwarding;

	fib_addresses(fib, p);
	fib->ifindex = skb->ifindex;
	fib->tot_len = length;
	forwarding = fib_result(bpf_fib_lookup(skb, fib, sizeof(*fib), cfg.fib_skip_neigh));
	/* back to the sender: the packet does not leave the pod's link */
	return forwarding == FORWARD && fib->ifindex == skb->ifindex ? FORWARD_REFUSED : forwarding;
}

_Static_assert(sizeof(struct next_hop) == sizeof(struct bpf_redir_neigh), "struct next_hop must match");

static __always_inline void fib_next_hop(const struct bpf_fib_lookup *fib, struct next_hop *hop)
{
	hop->family = fib->family;
	if (fib->family == ADDRESS_IPV4)
		hop->address[0] = fib->ipv4_dst;
	else
		__builtin_memcpy(hop->address, fib->ipv6_dst, sizeof(hop->address));
}

/* The neighbour layer resolves the next hop. */
static __always_inline int fib_send(__u32 ifindex, struct next_hop *hop)
{
	return bpf_redirect_neigh(ifindex, (struct bpf_redir_neigh *)hop, sizeof(*hop), 0);
}

#endif

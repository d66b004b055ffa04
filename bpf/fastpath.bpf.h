/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parser of the fast path. It accepts nearly all frames: untagged, one complete TCP or UDP packet
 * behind a plain IP header, TTL above 1, nothing that bpf/filter.bpf.h drops. Such a frame can be
 * delivered to a local pod unchanged. It reads only what that decision needs, because keeping more
 * would cost as much as the rest of the path. Other frames are not an error: parse() handles them.
 */
#ifndef PP_FASTPATH_BPF_H
#define PP_FASTPATH_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/parse.bpf.h"

/* Fragments may pass: for later ones this reads payload instead of ports. */
static __always_inline bool parse_fast_l4(struct packet *p, const void *l4, const void *end)
{
	const struct tcphdr *tcp = l4;
	const struct udphdr *udp = l4;

	if (p->key.protocol == PROTOCOL_TCP) {
		if ((void *)(tcp + 1) > end)
			return false;
		p->tcp_flags = ((__u8 *)tcp)[13];
		return true;
	}
	return p->key.protocol == PROTOCOL_UDP && (void *)(udp + 1) <= end &&
	       udp->source != bpf_htons(DHCP_SERVER) && udp->source != bpf_htons(DHCPV6_SERVER);
}

static __always_inline bool parse_fast_ipv4(struct packet *p, const struct iphdr *ip,
					    const void *end, __u32 length)
{
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 ||
	    bpf_ntohs(ip->tot_len) != length || ip->ttl <= 1)
		return false;
	p->family = FAMILY_IPV4;
	p->key.protocol = ip->protocol;
	addr_from_ipv4(&p->key.source, ip->saddr);
	addr_from_ipv4(&p->key.destination, ip->daddr);
	return parse_fast_l4(p, ip + 1, end);
}

static __always_inline bool parse_fast_ipv6(struct packet *p, const struct ipv6hdr *ip,
					    const void *end, __u32 length)
{
	if ((void *)(ip + 1) > end || ip->version != 6 ||
	    bpf_ntohs(ip->payload_len) + sizeof(*ip) != length || ip->hop_limit <= 1)
		return false;
	p->family = FAMILY_IPV6;
	p->key.protocol = ip->nexthdr;
	addr_from_ipv6(&p->key.source, &ip->saddr);
	addr_from_ipv6(&p->key.destination, &ip->daddr);
	return parse_fast_l4(p, ip + 1, end);
}

/*
 * Reads protocol and addresses; parse_frame() reads the rest. *p is zero before; @ethertype is the
 * frame's, a constant.
 */
static __always_inline bool parse_fast(struct __sk_buff *skb, struct packet *p, __be16 ethertype)
{
	const void *end = (void *)(long)skb->data_end;
	const void *l3 = (void *)(long)skb->data + sizeof(struct ethhdr);
	__u32 length = skb->len - sizeof(struct ethhdr);

	p->l3 = sizeof(struct ethhdr);
	if (ethertype == bpf_htons(ETH_P_IP))
		return parse_fast_ipv4(p, l3, end, length);
	return parse_fast_ipv6(p, l3, end, length);
}

#endif

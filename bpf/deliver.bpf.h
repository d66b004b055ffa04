/* SPDX-License-Identifier: GPL-2.0-only */
/* The last step to a pod of this node: TTL, MACs, and straight into the pod's end of its veth. */
#ifndef PP_DELIVER_BPF_H
#define PP_DELIVER_BPF_H

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"

/* The longest IP packet that will stand on the wire: of a GSO packet one segment. */
static __always_inline __u32 packet_length(struct __sk_buff *skb, const struct packet *p)
{
	__u32 headers = (p->family == FAMILY_IPV6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!skb->gso_size)
		return skb->len - p->l3;
	/* TCP options are counted by neither side's MSS: twenty bytes are what every segment has */
	return skb->gso_size + headers +
	       (p->key.protocol == PROTOCOL_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr));
}

static __always_inline bool fits(struct __sk_buff *skb, const struct packet *p, __u32 mtu)
{
	/* the first comparison settles nearly all */
	return !mtu || skb->len - p->l3 <= mtu || packet_length(skb, p) <= mtu;
}

/* The checksum of an IPv4 header whose TTL goes down by one (RFC 1624). */
static __always_inline __u16 ipv4_checksum_less_ttl(__u16 check)
{
	__u32 sum = check + bpf_htons(0x0100);

	return sum + (sum >= 0xffff);
}

/*
 * One hop less. In IPv6 no header checksum makes up for it, so a device's sum over the packet
 * (CHECKSUM_COMPLETE) must be told. May move the packet: pointers into it are void afterwards.
 */
static __always_inline bool ttl_decrement(struct __sk_buff *skb, const struct packet *p)
{
	void *l3 = (void *)(long)skb->data + (p->l3 & L3_MASK), *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ipv6 = l3;
	struct iphdr *ip = l3;
	__u8 hops;

	if (p->family == FAMILY_IPV6) {
		if ((void *)(ipv6 + 1) > end)
			return false;
		hops = ipv6->hop_limit - 1;
		return !bpf_skb_store_bytes(skb, p->l3 + offsetof(struct ipv6hdr, hop_limit), &hops,
					    sizeof(hops), BPF_F_RECOMPUTE_CSUM);
	}
	if ((void *)(ip + 1) > end)
		return false;
	ip->ttl--;
	ip->check = ipv4_checksum_less_ttl(ip->check);
	return true;
}

static __always_inline bool macs_set(struct __sk_buff *skb, const struct pod *pod)
{
	struct ethhdr *eth = (void *)(long)skb->data;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return false;
	mac_copy(eth->h_dest, pod->mac);
	mac_copy(eth->h_source, pod->host_mac);
	return true;
}

/*
 * To the pod; the caller has seen that it fits and that its TTL allows it. The target's stack takes
 * only what is marked as for this host, and kernels before 6.15 keep the mark of the other side.
 */
static __always_inline int deliver(struct __sk_buff *skb, const struct pod *pod)
{
	__u32 ifindex = pod->ifindex;

	if (!macs_set(skb, pod))
		return TC_ACT_SHOT;
	/* through the queue of the host's end, which limits its rate */
	if (pod->flags & POD_SHAPED)
		return bpf_redirect(ifindex, 0);
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

#endif

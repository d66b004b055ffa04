/* SPDX-License-Identifier: GPL-2.0-only */
/* Delivery to a pod of this node: TTL, MAC addresses, redirect into the pod's end of its veth. */
#ifndef PP_DELIVER_BPF_H
#define PP_DELIVER_BPF_H

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "bpf/buffer.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"

/* Length of the longest IP packet that will be on the wire: for a GSO packet, of one segment. */
static __always_inline __u32 packet_length(struct __sk_buff *skb, const struct packet *p)
{
	__u32 headers = (p->family == FAMILY_IPV6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!skb->gso_size)
		return skb->len - p->l3;
	/* neither side's MSS counts TCP options: every segment has at least twenty bytes of header */
	return skb->gso_size + headers +
	       (p->key.protocol == PROTOCOL_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr));
}

static __always_inline bool fits(struct __sk_buff *skb, const struct packet *p, __u32 mtu)
{
	/* the first comparison decides nearly all packets */
	return !mtu || skb->len - p->l3 <= mtu || packet_length(skb, p) <= mtu;
}

/* Checksum of an IPv4 header after its TTL is decremented (RFC 1624). */
static __always_inline __u16 ipv4_checksum_less_ttl(__u16 check)
{
	__u32 sum = check + bpf_htons(0x0100);

	return sum + (sum >= 0xffff);
}

/*
 * Decrements TTL or hop limit. IPv6 has no header checksum that would balance the change, so a
 * device's sum over the packet (CHECKSUM_COMPLETE) must be updated. May move the packet: pointers
 * into it become invalid.
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
		if (checksum_state(skb) != CHECKSUM_COMPLETE) {
			ipv6->hop_limit--;
			return true;
		}
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
 * Sends the packet to the pod; the caller has checked MTU and TTL. The stack of the pod accepts
 * only PACKET_HOST, and kernels before 6.15 keep the type from the other side.
 */
static __always_inline int deliver(struct __sk_buff *skb, const struct pod *pod)
{
	__u32 ifindex = pod->ifindex;

	if (!macs_set(skb, pod))
		return TC_ACT_SHOT;
	/* through the qdisc of the host's end, which limits the rate */
	if (pod->flags & POD_SHAPED)
		return bpf_redirect(ifindex, 0);
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

#endif

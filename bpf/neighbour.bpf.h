/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ARP and neighbour discovery from pods. Pods have permanent entries and send no requests; for a
 * pod that lost them the host's end replies for every address but the pod's own, so that the node
 * never learns a neighbour from a pod.
 */
#ifndef PP_NEIGHBOUR_BPF_H
#define PP_NEIGHBOUR_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/rewrite.bpf.h"
#include "bpf/source.bpf.h"

struct arp_ipv4 {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__be32 sender;
	__u8 target_mac[6];
	__be32 target;
} __attribute__((packed));

#define ARP_REQUEST 1
#define ARP_REPLY 2

static __always_inline bool arp_is_ethernet(const struct arp_ipv4 *arp)
{
	return arp->hardware == bpf_htons(1) && arp->protocol == bpf_htons(ETH_P_IP) &&
	       arp->hardware_length == 6 && arp->protocol_length == 4;
}

static __always_inline void arp_make_reply(struct ethhdr *eth, struct arp_ipv4 *arp, const __u8 *host_mac)
{
	__be32 pod_ip = arp->sender;

	mac_copy(eth->h_dest, eth->h_source);
	mac_copy(eth->h_source, host_mac);
	arp->operation = bpf_htons(ARP_REPLY);
	mac_copy(arp->target_mac, arp->sender_mac);
	mac_copy(arp->sender_mac, host_mac);
	arp->sender = arp->target;
	arp->target = pod_ip;
}

/* Ignores a message that nothing on the link needs (bpf/link_scope.bpf.h). */
static __always_inline int ignore(struct __sk_buff *skb)
{
	return count(skb, STAT_POD_IGNORED, TC_ACT_SHOT);
}

/* Whether @arp names @pod's address @ip and the MAC that sent the frame. */
static __always_inline bool arp_is_own(const struct pod *pod, const struct ethhdr *eth,
				       const struct arp_ipv4 *arp, const struct addr *ip)
{
	return pod && addr_equal(&pod->ip[FAMILY_IPV4], ip) &&
	       mac_equal(eth->h_source, arp->sender_mac);
}

/* Replies to a request of the pod for another address; replies of the pod itself go to the host. */
__noinline int handle_arp(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct arp_ipv4 *arp = (void *)(eth + 1);
	struct addr source;
	struct pod *pod;

	if ((void *)(arp + 1) > (void *)(long)skb->data_end || !arp_is_ethernet(arp))
		return drop(skb, STAT_MALFORMED);
	/* a probe has its own address as target (RFC 5227) */
	addr_from_ipv4(&source, arp->sender ? arp->sender : arp->target);
	pod = sender(skb->ifindex, eth->h_source, &source);
	if (!arp->sender)
		return arp_is_own(pod, eth, arp, &source) ? ignore(skb) : drop(skb, STAT_DAD);
	if (!arp_is_own(pod, eth, arp, &source))
		return drop(skb, STAT_SPOOFED);
	if (arp->operation != bpf_htons(ARP_REQUEST) && arp->operation != bpf_htons(ARP_REPLY))
		return drop(skb, STAT_ARP);
	if (arp->target == arp->sender)
		return ignore(skb); /* an announcement */
	if (arp->operation == bpf_htons(ARP_REPLY))
		return count(skb, STAT_POD_STACK, TC_ACT_OK);
	arp_make_reply(eth, arp, pod->host_mac);
	return count(skb, STAT_POD_ANSWERED, bpf_redirect(skb->ifindex, 0));
}

/* Neighbour solicitation or advertisement; the option is a MAC address. */
struct nd {
	__u8 type, code;
	__be16 checksum;
	__be32 flags; /* advertisement: router, solicited, override */
	struct in6_addr target;
	__u8 option, option_length;
	__u8 mac[6];
} __attribute__((packed));

struct nd_reply {
	struct ipv6hdr ip;
	struct nd nd;
} __attribute__((packed, aligned(8)));

#define ND_ROUTER_SOLICITATION 133
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_NEIGHBOUR_SOLICITATION 135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_REDIRECT 137
#define ND_TARGET_LINK_LAYER 2

/* Sums the pseudo header (RFC 8200 8.1) and the message. */
static __always_inline __u16 nd_checksum(struct nd_reply *reply)
{
	__u64 sum = bpf_htonl(sizeof(reply->nd)) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);

	sum += (__u32)bpf_csum_diff(NULL, 0, (void *)&reply->ip + offsetof(struct ipv6hdr, saddr), 32, 0);
	sum += (__u32)bpf_csum_diff(NULL, 0, (void *)&reply->nd, sizeof(reply->nd), 0);
	return ~sum_fold(sum);
}

/* Turns the solicitation in @reply into an advertisement. */
static __always_inline void nd_make_reply(struct nd_reply *reply, const struct pod *pod)
{
	reply->ip.payload_len = bpf_htons(sizeof(reply->nd));
	reply->ip.daddr = reply->ip.saddr;
	reply->ip.saddr = reply->nd.target;
	reply->nd.type = ND_NEIGHBOUR_ADVERTISEMENT;
	reply->nd.checksum = 0;
	reply->nd.flags = bpf_htonl(0xe0000000);
	reply->nd.option = ND_TARGET_LINK_LAYER;
	reply->nd.option_length = 1;
	mac_copy(reply->nd.mac, pod->host_mac);
	reply->nd.checksum = nd_checksum(reply);
}

static __always_inline int nd_answer(struct __sk_buff *skb, const struct pod *pod)
{
	__u8 macs[2 * ETH_ALEN];
	struct nd_reply reply = {};

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &reply, offsetof(struct nd_reply, nd.option)) ||
	    bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), macs, ETH_ALEN))
		return drop(skb, STAT_MALFORMED);
	if (reply.nd.code || reply.ip.hop_limit != 255 || reply.nd.target.s6_addr[0] == 0xff)
		return drop(skb, STAT_MALFORMED);
	if (addr_equal((void *)&reply.nd.target, &pod->ip[FAMILY_IPV6]))
		return drop(skb, STAT_DAD);
	mac_copy(macs + ETH_ALEN, pod->host_mac);
	nd_make_reply(&reply, pod);
	if (bpf_skb_change_tail(skb, ETH_HLEN + sizeof(reply), 0) ||
	    bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &reply, sizeof(reply), BPF_F_RECOMPUTE_CSUM))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_POD_ANSWERED, bpf_redirect(skb->ifindex, 0));
}

/* Passes an advertisement for the pod's own address to the host. */
static __always_inline int nd_advertisement(struct __sk_buff *skb, const struct packet *p,
					    const struct pod *pod)
{
	struct addr target;

	if (bpf_skb_load_bytes(skb, p->l4 + offsetof(struct nd, target), &target, sizeof(target)))
		return drop(skb, STAT_MALFORMED);
	if (addr_is_multicast(&p->key.destination, FAMILY_IPV6) ||
	    (!addr_equal(&target, &pod->ip[FAMILY_IPV6]) && !addr_equal(&target, &p->key.source)))
		return drop(skb, STAT_ND);
	return count(skb, STAT_POD_STACK, TC_ACT_OK);
}

static __always_inline bool is_nd(const struct packet *p)
{
	return p->family == FAMILY_IPV6 && p->key.protocol == PROTOCOL_ICMPV6 &&
	       p->icmp_type >= ND_ROUTER_SOLICITATION && p->icmp_type <= ND_REDIRECT;
}

/* Handles a packet that parse() and is_nd() have accepted. The source may be link-local. */
__noinline int handle_nd(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct packet p = {};
	struct pod *pod;

	if (parse(skb, &p) != PARSED || (void *)(eth + 1) > (void *)(long)skb->data_end)
		return drop(skb, STAT_MALFORMED);
	if (addr_is_zero(&p.key.source))
		return drop(skb, STAT_DAD);
	pod = sender(skb->ifindex, eth->h_source, &p.key.source);
	if (!pod || (!addr_equal(&pod->ip[FAMILY_IPV6], &p.key.source) &&
		     !addr_is_link_local(&p.key.source, FAMILY_IPV6)))
		return drop(skb, STAT_SPOOFED);
	if (p.icmp_type == ND_NEIGHBOUR_SOLICITATION)
		return nd_answer(skb, pod);
	if (p.icmp_type == ND_NEIGHBOUR_ADVERTISEMENT)
		return nd_advertisement(skb, &p, pod);
	return drop(skb, STAT_ND);
}

#endif

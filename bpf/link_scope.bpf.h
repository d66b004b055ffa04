/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link-scope messages that every host sends: membership reports, router solicitations, duplicate
 * address detection, announcements of its own address. Nothing on a pod's link needs them. They are
 * ignored and not counted as drops, so that drops show attacks and faults alone. A message with a
 * source other than the pod's is still spoofed.
 */
#ifndef PP_LINK_SCOPE_BPF_H
#define PP_LINK_SCOPE_BPF_H

#include "bpf/neighbour.bpf.h"

#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define MLD_V1_REPORT 131
#define MLD_V1_DONE 132
#define MLD_V2_REPORT 143

static __always_inline bool addr_is_unspecified(const struct addr *ip, enum family family)
{
	return family == FAMILY_IPV6 ? addr_is_zero(ip) : !addr_ipv4(ip);
}

/* Whether an existing pod has this MAC, found by its slot. */
static __always_inline bool mac_is_in_use(const __u8 *mac)
{
	struct pod *pod = pod_at(mac_slot(mac));

	return pod && mac_equal(pod->mac, mac);
}

/*
 * Whether @source belongs to the frame's sender or is unspecified: the pod's address, ::, 0.0.0.0,
 * or an IPv6 link-local one. *pod is the sender; NULL for a pod that is not ready yet, or that has
 * a MAC of its own choice and cannot be found without its address.
 */
static __always_inline bool is_permitted_source(struct __sk_buff *skb, const __u8 *mac,
						const struct addr *source, enum family family,
						struct pod **pod)
{
	*pod = sender(skb->ifindex, mac, source);
	if (*pod && pod_has(*pod, source, family))
		return true;
	if (!*pod && mac_is_in_use(mac))
		return false;
	return addr_is_unspecified(source, family) ||
	       (family == FAMILY_IPV6 && addr_is_link_local(source, FAMILY_IPV6));
}

/* Reads the IGMP type, which struct packet lacks; IGMP is never fragmented. */
static __always_inline bool is_igmp_report(struct __sk_buff *skb, const struct packet *p)
{
	__u8 type;

	if (p->key.protocol != PROTOCOL_IGMP || p->ttl != 1 || p->flags & PACKET_FRAGMENT || !p->l4 ||
	    p->l4 >= p->end || bpf_skb_load_bytes(skb, p->l4, &type, sizeof(type)))
		return false;
	return type == IGMP_V1_REPORT || type == IGMP_V2_REPORT || type == IGMP_V2_LEAVE ||
	       type == IGMP_V3_REPORT;
}

/* Duplicate address detection, or an unsolicited advertisement, for the sender's own address. */
static __always_inline bool is_own_nd(struct __sk_buff *skb, const struct packet *p,
				      const struct pod *pod)
{
	bool probe = p->icmp_type == ND_NEIGHBOUR_SOLICITATION && addr_is_zero(&p->key.source);
	bool advertisement = p->icmp_type == ND_NEIGHBOUR_ADVERTISEMENT && !addr_is_zero(&p->key.source);
	struct addr target;

	if ((!probe && !advertisement) ||
	    bpf_skb_load_bytes(skb, p->l4 + offsetof(struct nd, target), &target, sizeof(target)))
		return false;
	if (advertisement)
		return addr_equal(&target, &p->key.source);
	return addr_is_link_local(&target, FAMILY_IPV6) || (pod && pod_has(pod, &target, FAMILY_IPV6));
}

/* Checks type and hop limit (RFC 2710, 3810, 4861); the source has been checked. */
static __always_inline bool is_icmpv6_link_scope(struct __sk_buff *skb, const struct packet *p,
						 const struct pod *pod)
{
	switch (p->icmp_type) {
	case MLD_V1_REPORT:
	case MLD_V1_DONE:
	case MLD_V2_REPORT:
		return p->ttl == 1;
	case ND_ROUTER_SOLICITATION:
		return p->ttl == 255;
	default:
		return p->ttl == 255 && is_own_nd(skb, p, pod);
	}
}

/* Whether the multicast packet @p of a pod is a link-scope message with a permitted source. */
__noinline int is_link_scope_message(struct __sk_buff *skb, struct packet *p)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct addr source;
	struct pod *pod;

	if (!p || (void *)(eth + 1) > (void *)(long)skb->data_end)
		return false;
	source = p->key.source;
	if (!addr_is_multicast(&p->key.destination, p->family) ||
	    !is_permitted_source(skb, eth->h_source, &source, p->family, &pod))
		return false;
	if (p->family == FAMILY_IPV4)
		return is_igmp_report(skb, p);
	return p->key.protocol == PROTOCOL_ICMPV6 && !(p->flags & PACKET_FRAGMENT) &&
	       is_icmpv6_link_scope(skb, p, pod);
}

/* A DHCP client's request (RFC 2131). */
static __always_inline bool is_dhcp_request(const struct packet *p)
{
	return p->family == FAMILY_IPV4 && !addr_ipv4(&p->key.source) &&
	       addr_ipv4(&p->key.destination) == 0xffffffff && p->key.protocol == PROTOCOL_UDP &&
	       p->key.source_port == DHCP_CLIENT && p->key.destination_port == DHCP_SERVER;
}

#endif

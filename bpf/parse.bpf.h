/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet parser. parse() reads the usual shapes directly from the packet (no IPv4 options, no IPv6
 * extension headers, not a fragment) and leaves the others to parse_slow.bpf.h.
 */
#ifndef PP_PARSE_BPF_H
#define PP_PARSE_BPF_H

#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/address.bpf.h"
#include "maps/flows.h"

enum parsed {
	PARSED,
	PARSED_SLOW,      /* options, extension headers or a fragment: only addresses are set */
	PARSED_NOT_IP,
	PARSED_TINY,      /* first fragment without the ports */
	PARSED_MALFORMED, /* truncated or contradictory; addresses are set if present */
};

enum packet_flags {
	PACKET_OPTIONS = 1,        /* IPv4 options or IPv6 extension headers */
	PACKET_FRAGMENT = 2,       /* part of a datagram */
	PACKET_FRAGMENT_LATER = 4, /* not the first part: no ports */
	PACKET_ECHO_REQUEST = 8,
	PACKET_ECHO_REPLY = 16,
	PACKET_ICMP_ERROR = 32,
	PACKET_ICMP_OTHER = 64,
	PACKET_SOURCE_ROUTE = 128,
	PACKET_NO_CHECKSUM = 256,  /* UDP with checksum 0 */
	PACKET_MAY_FRAGMENT = 512, /* IPv4 without DF: the identification is significant (RFC 6864) */
};

struct packet {
	struct flow_key key;
	enum family family;
	__u32 l3, l4;        /* offsets in the frame; l4 is 0 if it is not readable */
	__u32 end;           /* offset behind the packet; padding may follow */
	__u32 flags;         /* enum packet_flags */
	__u32 id;            /* identification of the fragmented datagram */
	__u32 masq_id;       /* its value after masquerade (bpf/frag_id.bpf.h) */
	__u32 fragment_at;   /* offset of the IPv6 fragment header */
	__u8 ttl;
	__u8 tos;            /* IPv4 */
	__u8 tcp_flags;
	__u8 icmp_type;
	__u16 offset;        /* of the fragment, in units of 8 bytes */
};

/* Bound of l3 for the verifier: an Ethernet header and at most two VLAN tags. */
#define L3_MASK 31

/* Bound of l4: behind all extension headers that are read (bpf/parse_slow.bpf.h). */
#define L4_MASK 511

#define IPV4_DF 0x4000

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static __always_inline bool icmp_is_error(enum family family, __u8 type)
{
	if (family == FAMILY_IPV6)
		return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* An echo identifier takes the place of the requester's port. */
static __always_inline void parse_icmp(struct packet *p, const struct icmphdr *icmp)
{
	bool ipv6 = p->family == FAMILY_IPV6;

	p->icmp_type = icmp->type;
	if (icmp->type == (ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO)) {
		p->flags |= PACKET_ECHO_REQUEST;
		p->key.source_port = bpf_ntohs(icmp->un.echo.id);
	} else if (icmp->type == (ipv6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY)) {
		p->flags |= PACKET_ECHO_REPLY;
		p->key.destination_port = bpf_ntohs(icmp->un.echo.id);
	} else {
		p->flags |= icmp_is_error(p->family, icmp->type) ? PACKET_ICMP_ERROR : PACKET_ICMP_OTHER;
	}
}

/*
 * Reads only headers that carry a flow's ports. @length is that of the IP payload, so padding is
 * never read.
 */
static __always_inline bool parse_l4(struct packet *p, const void *l4, const void *end, __u32 length)
{
	const struct tcphdr *tcp = l4;
	const struct udphdr *udp = l4;

	switch (p->key.protocol) {
	case PROTOCOL_TCP:
		if ((void *)(tcp + 1) > end || length < sizeof(*tcp))
			return false;
		p->tcp_flags = ((__u8 *)tcp)[13];
		break;
	case PROTOCOL_UDP:
		if ((void *)(udp + 1) > end || length < sizeof(*udp))
			return false;
		if (!udp->check)
			p->flags |= PACKET_NO_CHECKSUM;
		break;
	case PROTOCOL_SCTP:
		if (l4 + 12 > end || length < 12)
			return false;
		break;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		if (l4 + sizeof(struct icmphdr) > end || length < sizeof(struct icmphdr))
			return false;
		/* ICMP of the other family has no meaning */
		if ((p->key.protocol == PROTOCOL_ICMPV6) == (p->family == FAMILY_IPV6))
			parse_icmp(p, l4);
		else
			p->flags |= PACKET_ICMP_OTHER;
		return true;
	default:
		return true;
	}
	p->key.source_port = bpf_ntohs(udp->source);
	p->key.destination_port = bpf_ntohs(udp->dest);
	return true;
}

static __always_inline enum parsed parse_ipv4(struct packet *p, const void *l3, const void *end,
					      __u32 available)
{
	const struct iphdr *ip = l3;
	__u32 length;

	if ((void *)(ip + 1) > end)
		return PARSED_MALFORMED;
	p->family = FAMILY_IPV4;
	p->key.protocol = ip->protocol;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	addr_from_ipv4(&p->key.source, ip->saddr);
	addr_from_ipv4(&p->key.destination, ip->daddr);
	length = bpf_ntohs(ip->tot_len);
	if (!length && available > 0xffff) /* BIG TCP */
		length = available;
	if (ip->version != 4 || ip->ihl < 5 || length < sizeof(*ip) || length > available)
		return PARSED_MALFORMED;
	p->end = p->l3 + length;
	if (!(ip->frag_off & bpf_htons(IPV4_DF)))
		p->flags |= PACKET_MAY_FRAGMENT;
	if (ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
		return PARSED_SLOW;
	p->l4 = p->l3 + sizeof(*ip);
	return parse_l4(p, ip + 1, end, length - sizeof(*ip)) ? PARSED : PARSED_MALFORMED;
}

static __always_inline bool is_extension_header(__u8 next)
{
	return next == PROTOCOL_HOPOPTS || next == PROTOCOL_ROUTING || next == PROTOCOL_FRAGMENT ||
	       next == PROTOCOL_AH || next == PROTOCOL_DSTOPTS;
}

static __always_inline enum parsed parse_ipv6(struct packet *p, const void *l3, const void *end,
					      __u32 available)
{
	const struct ipv6hdr *ip = l3;
	__u32 length;

	if ((void *)(ip + 1) > end)
		return PARSED_MALFORMED;
	p->family = FAMILY_IPV6;
	p->key.protocol = ip->nexthdr;
	p->ttl = ip->hop_limit;
	addr_from_ipv6(&p->key.source, &ip->saddr);
	addr_from_ipv6(&p->key.destination, &ip->daddr);
	available -= sizeof(*ip);
	length = bpf_ntohs(ip->payload_len);
	if (!length && available > 0xffff) /* BIG TCP */
		length = available;
	if (ip->version != 6 || length > available || addr_is_mapped(&p->key.source) ||
	    addr_is_mapped(&p->key.destination))
		return PARSED_MALFORMED;
	p->end = p->l3 + sizeof(*ip) + length;
	if (is_extension_header(ip->nexthdr))
		return PARSED_SLOW;
	p->l4 = p->l3 + sizeof(*ip);
	return parse_l4(p, ip + 1, end, length) ? PARSED : PARSED_MALFORMED;
}

/* Parses the IP header at p->l3; the rest of *p is zero before. */
static __always_inline enum parsed parse_ip(struct __sk_buff *skb, struct packet *p, __be16 ethertype)
{
	const void *end = (void *)(long)skb->data_end;
	const void *l3 = (void *)(long)skb->data + (p->l3 & L3_MASK);

	if (ethertype == bpf_htons(ETH_P_IP))
		return parse_ipv4(p, l3, end, skb->len - p->l3);
	if (ethertype == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p, l3, end, skb->len - p->l3);
	return PARSED_NOT_IP;
}

/* The ethertype of an untagged frame; 0: truncated. */
static __always_inline __be16 frame_ethertype(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;

	return (void *)(eth + 1) <= (void *)(long)skb->data_end ? eth->h_proto : 0;
}

/* Reads the addresses of an untagged frame, whatever else it is; false: not IP. */
static __always_inline bool frame_addresses(struct __sk_buff *skb, struct addr *source,
					    struct addr *destination)
{
	const void *l3 = (void *)(long)skb->data + sizeof(struct ethhdr);
	const void *end = (void *)(long)skb->data_end;
	const struct ipv6hdr *ipv6 = l3;
	const struct iphdr *ip = l3;

	switch (frame_ethertype(skb)) {
	case bpf_htons(ETH_P_IP):
		if ((void *)(ip + 1) > end)
			return false;
		addr_from_ipv4(source, ip->saddr);
		addr_from_ipv4(destination, ip->daddr);
		return true;
	case bpf_htons(ETH_P_IPV6):
		if ((void *)(ipv6 + 1) > end)
			return false;
		addr_from_ipv6(source, &ipv6->saddr);
		addr_from_ipv6(destination, &ipv6->daddr);
		return true;
	default:
		return false;
	}
}

/*
 * Parses an untagged frame that carries @ethertype. With a constant the following code is compiled
 * for that family alone, which halves the instructions on the path.
 */
static __always_inline enum parsed parse_frame(struct __sk_buff *skb, struct packet *p,
					       __be16 ethertype)
{
	p->l3 = sizeof(struct ethhdr);
	return parse_ip(skb, p, ethertype);
}

static __always_inline enum parsed parse(struct __sk_buff *skb, struct packet *p)
{
	return parse_frame(skb, p, frame_ethertype(skb));
}

static __always_inline bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* VLAN ID in a tag. ID 0 only sets a priority (IEEE 802.1Q 6.9): the frame belongs to the device itself. */
#define VLAN_ID 0xfff

static __always_inline __u16 vlan_id(__be16 tci)
{
	return bpf_ntohs(tci) & VLAN_ID;
}

/* Priority tags accepted. The kernel removes any number; networks use at most one. */
#define PRIORITY_TAGS_MAX 3

/* Parses an Ethernet frame with up to two VLAN tags. */
static __always_inline enum parsed parse_tagged(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__be16 *ethertype = data + offsetof(struct ethhdr, h_proto);

	p->l3 = sizeof(struct ethhdr);
	for (int i = 0; i < 2; i++) {
		if ((void *)(ethertype + 3) > end)
			return PARSED_MALFORMED;
		if (!is_vlan(*ethertype))
			break;
		ethertype += 2; /* a tag has four bytes */
		p->l3 += 4;
	}
	if ((void *)(ethertype + 1) > end)
		return PARSED_MALFORMED;
	return parse_ip(skb, p, *ethertype);
}

/* Bytes that the slow path reads and writes: extension headers up to L4_MASK, quotations. */
#define HEADERS_LENGTH 384

static __always_inline void pull(struct __sk_buff *skb, __u32 length)
{
	__u32 linear = (long)skb->data_end - (long)skb->data;

	if (linear < length && skb->len > linear)
		bpf_skb_pull_data(skb, skb->len < length ? skb->len : length);
}

/*
 * Makes the headers that parse() needs linear, since drivers may leave them in page fragments that
 * direct access cannot reach. It pulls nothing more: TCP of a local sender has linear headers and
 * paged data, and pulling data would cost every packet a new head.
 */
static __always_inline void pull_headers(struct __sk_buff *skb)
{
	pull(skb, sizeof(struct ethhdr) + sizeof(struct tcphdr) +
		  (skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr) :
							    sizeof(struct iphdr)));
}

static __always_inline void pull_all_headers(struct __sk_buff *skb)
{
	pull(skb, HEADERS_LENGTH);
}

#endif

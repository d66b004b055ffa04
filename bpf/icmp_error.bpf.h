/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors quote the offending packet in the form it had at the reporting host. The quoted
 * packet identifies the flow and is translated back with its checksums, then the message around it.
 * An error never creates, refreshes or closes a flow. All changes use BPF_F_RECOMPUTE_CSUM: ICMP is
 * summed in software, so the field always holds the full checksum.
 */
#ifndef PP_ICMP_ERROR_BPF_H
#define PP_ICMP_ERROR_BPF_H

#include "bpf/flow.bpf.h"
#include "bpf/parse_slow.bpf.h"
#include "bpf/rewrite.bpf.h"
#include "bpf/scratch.bpf.h"

#define QUOTED_L4 8 /* bytes of the transport header that are always quoted (RFC 792) */

static __always_inline bool quoted_ipv4(struct __sk_buff *skb, struct packet *q)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, q->l3, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	q->key.protocol = ip.protocol;
	addr_from_ipv4(&q->key.source, ip.saddr);
	addr_from_ipv4(&q->key.destination, ip.daddr);
	q->l4 = q->l3 + ip.ihl * 4;
	if (q->l4 > q->end)
		return false;
	return !(ip.frag_off & bpf_htons(0x1fff));
}

static __always_inline bool quoted_ipv6(struct __sk_buff *skb, struct packet *q)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, q->l3, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	q->key.protocol = ip.nexthdr;
	addr_from_ipv6(&q->key.source, &ip.saddr);
	addr_from_ipv6(&q->key.destination, &ip.daddr);
	if (addr_is_mapped(&q->key.source) || addr_is_mapped(&q->key.destination))
		return false;
	q->l4 = q->l3 + sizeof(ip);
	for (int i = 0; i < EXTENSIONS_MAX && is_extension_header(q->key.protocol); i++)
		if (!skip_extension(skb, q, &q->l4) || q->flags & PACKET_FRAGMENT_LATER)
			return false;
	return q->l4 <= q->end && !is_extension_header(q->key.protocol);
}

/* Reads ports or the echo identifier; false for other ICMP, which must not be quoted. */
static __always_inline bool quoted_l4(struct __sk_buff *skb, struct packet *q)
{
	__u8 head[QUOTED_L4];
	struct udphdr *udp = (void *)head;

	if (q->key.protocol != PROTOCOL_TCP && q->key.protocol != PROTOCOL_UDP &&
	    q->key.protocol != PROTOCOL_SCTP && !checksum_offset(q->key.protocol))
		return true;
	if (q->l4 + sizeof(head) > q->end || bpf_skb_load_bytes(skb, q->l4, head, sizeof(head)))
		return false;
	if (q->key.protocol == PROTOCOL_ICMP || q->key.protocol == PROTOCOL_ICMPV6) {
		parse_icmp(q, (void *)head);
		return q->flags & (PACKET_ECHO_REQUEST | PACKET_ECHO_REPLY);
	}
	q->key.source_port = bpf_ntohs(udp->source);
	q->key.destination_port = bpf_ntohs(udp->dest);
	return true;
}

/*
 * Parses the quotation of the error @p into *q, which is zero before. q->key becomes the key of a
 * reply to it.
 */
__noinline int quoted_parse(struct __sk_buff *skb, struct packet *p, struct packet *q)
{
	/* errors are shorter than any MTU: a fragmented one is forged */
	if (!p || !q || p->flags & PACKET_FRAGMENT)
		return false;
	q->family = p->family;
	q->l3 = p->l4 + sizeof(struct icmphdr);
	q->end = p->end;
	if (q->family == FAMILY_IPV6 ? !quoted_ipv6(skb, q) : !quoted_ipv4(skb, q))
		return false;
	if (!quoted_l4(skb, q))
		return false;
	key_swap(&q->key);
	return true;
}

/* Whether @p quotes a packet, including types that a receiver may treat as errors (RFC 4443 2.4). */
static __always_inline bool quotes_packet(const struct packet *p)
{
	if (p->flags & PACKET_ICMP_ERROR)
		return true;
	if (!(p->flags & PACKET_ICMP_OTHER))
		return false;
	return p->family == FAMILY_IPV6 ?
		       p->key.protocol == PROTOCOL_ICMPV6 && p->icmp_type < ICMPV6_INFOMSG_MASK :
		       p->key.protocol == PROTOCOL_ICMP && p->icmp_type == ICMP_SOURCE_QUENCH;
}

/*
 * Whether the ICMP error in scratch() quotes a packet to its sender. Receivers trust the quotation,
 * not the sender: any other would end foreign connections and plant path MTUs.
 */
__noinline int quotes_sender(struct __sk_buff *skb)
{
	struct scratch *s = scratch();

	return s && quoted_parse(skb, &s->packet, quoted_new(s)) &&
	       addr_equal(&s->quoted.key.source, &s->packet.key.source);
}

/* The quoted packet travels in the opposite direction, and its key is the reply's. */
static __always_inline enum nat_side opposite_side(enum nat_side side)
{
	return side == NAT_SOURCE ? NAT_DESTINATION : NAT_SOURCE;
}

static __always_inline const struct addr *quoted_address(const struct packet *q, enum nat_side side)
{
	return packet_address(q, opposite_side(side));
}

/* Replaces two bytes at @offset and adds the change to *sum. */
static __always_inline bool patch16(struct __sk_buff *skb, __u32 offset, __u16 from, __u16 to,
				    __u64 *sum)
{
	if (from == to)
		return true;
	*sum += (__u64)(__u16)~from + to;
	return !bpf_skb_store_bytes(skb, offset, &to, sizeof(to), BPF_F_RECOMPUTE_CSUM);
}

/* Updates a checksum by @change and adds the difference to *sum. @udp: zero means no checksum. */
static __always_inline bool patch_checksum(struct __sk_buff *skb, __u32 offset, __u64 change, bool udp,
					   __u64 *sum)
{
	__u16 from, to;

	if (bpf_skb_load_bytes(skb, offset, &from, sizeof(from)))
		return false;
	if (udp && !from)
		return true;
	to = checksum_change(from, change);
	return patch16(skb, offset, from, udp && !to ? 0xffff : to, sum);
}

/* Rewrites the quoted IP header; adds the change of the message's sum to *sum. */
static __always_inline bool quoted_rewrite_l3(struct __sk_buff *skb, const struct packet *q,
					      const struct rewrite *r, __u64 *sum)
{
	const struct addr *from = quoted_address(q, r->side);
	__u32 at = q->l3 + (r->side == NAT_SOURCE ? 0 : q->family == FAMILY_IPV6 ? 16 : 4);
	__be32 old, new;

	if (q->family == FAMILY_IPV6) {
		*sum = sum_change(*sum, from, &r->address, 4);
		return !bpf_skb_store_bytes(skb, at + offsetof(struct ipv6hdr, saddr), &r->address,
					    sizeof(r->address), BPF_F_RECOMPUTE_CSUM);
	}
	old = addr_ipv4(from);
	new = addr_ipv4(&r->address);
	*sum = sum_change(*sum, &old, &new, 1);
	return patch_checksum(skb, q->l3 + offsetof(struct iphdr, check), *sum, false, sum) &&
	       !bpf_skb_store_bytes(skb, at + offsetof(struct iphdr, saddr), &new, sizeof(new),
				    BPF_F_RECOMPUTE_CSUM);
}

/* Rewrites the quoted transport header: the port, and the checksum if it is quoted. */
static __always_inline bool quoted_rewrite_l4(struct __sk_buff *skb, const struct packet *q,
					      const struct rewrite *r, __u64 addresses, __u64 *sum)
{
	__u32 check = checksum_offset(q->key.protocol);
	__be16 old = bpf_htons(packet_port(q, opposite_side(r->side))), new = bpf_htons(r->port);
	__u64 change = q->key.protocol == PROTOCOL_ICMP ? 0 : addresses;

	if (old != new) {
		change += (__u64)(__u16)~old + new;
		if (!patch16(skb, q->l4 + port_offset(q->key.protocol, r->side), old, new, sum))
			return false;
	}
	if (!check || q->l4 + check + sizeof(__u16) > q->end)
		return true;
	return patch_checksum(skb, q->l4 + check, change, q->key.protocol == PROTOCOL_UDP, sum);
}

static __always_inline __u64 address_change(enum family family, const struct addr *from,
					    const struct rewrite *r)
{
	__be32 old, new;

	if (family == FAMILY_IPV6)
		return sum_change(0, from, &r->address, 4);
	old = addr_ipv4(from);
	new = addr_ipv4(&r->address);
	return sum_change(0, &old, &new, 1);
}

/*
 * Translates the quotation of @p by @r and, if @around, the opposite side of @p. Changes *r. False:
 * the packet is partially rewritten and must be dropped.
 */
__noinline int icmp_error_rewrite(struct __sk_buff *skb, struct packet *p, struct packet *q,
				  struct rewrite *r, bool around)
{
	__u64 sum = 0;

	if (!p || !q || !r)
		return false;
	if (!quoted_rewrite_l3(skb, q, r, &sum) ||
	    !quoted_rewrite_l4(skb, q, r, address_change(q->family, quoted_address(q, r->side), r),
			       &sum))
		return false;
	r->side = opposite_side(r->side);
	if (around && p->family == FAMILY_IPV6)
		sum += address_change(p->family, packet_address(p, r->side), r);
	sum = sum_fold32(sum);
	if (!patch_checksum(skb, p->l4 + offsetof(struct icmphdr, checksum), sum, false, &sum))
		return false;
	if (!around)
		return true;
	return p->family == FAMILY_IPV6 ? !rewrite_ipv6(skb, p, r, CHECKSUM_COMPLETE) : !rewrite_ipv4(skb, p, r);
}

#endif

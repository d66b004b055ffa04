/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes an address and a port in a packet, and every checksum over them, whatever state the
 * checksum is in (skb->ip_summed, which programs cannot see):
 *
 * - partial (from a pod, to be finished by the device): the field holds the sum of the pseudo header.
 *   bpf_l4_csum_replace() with BPF_F_PSEUDO_HDR adjusts it; without, it leaves it alone, which is
 *   right for ports. So addresses and ports need a call each; one for both breaks this case.
 * - complete (the device summed the packet): IPv4 addresses and their header checksum cancel out, as
 *   do ports and theirs. IPv6 addresses have no header checksum: they are stored with
 *   BPF_F_RECOMPUTE_CSUM, which agrees with BPF_F_PSEUDO_HDR on every kernel.
 * - none: the field is the checksum.
 *
 * UDP without a checksum stays without; nothing makes up for its port, so that is stored as IPv6
 * addresses are.
 *
 * Where the state can be read, the first and the last case are written directly: helpers cost more
 * than the rest.
 */
#ifndef PP_REWRITE_BPF_H
#define PP_REWRITE_BPF_H

#include "bpf/buffer.bpf.h"
#include "bpf/deliver.bpf.h"

enum nat_side {
	NAT_SOURCE,
	NAT_DESTINATION,
};

/* New address and port of one side of a packet. */
struct rewrite {
	struct addr address;
	__u16 port;
	enum nat_side side;
	bool hop; /* decrement the TTL, too */
};

/* Adds the change of @words 32-bit words to a one's complement sum (RFC 1624: ~m + m'). */
static __always_inline __u64 sum_change(__u64 sum, const void *from, const void *to, int words)
{
	const __u32 *old = from, *new = to;

	for (int i = 0; i < words; i++)
		sum += (__u64)~old[i] + new[i];
	return sum;
}

static __always_inline __u32 sum_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = sum_fold32(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The checksum field after a change; @sum is a result of sum_change(). */
static __always_inline __u16 checksum_change(__u16 check, __u64 sum)
{
	return ~sum_fold(sum + (__u16)~check);
}

/* Offset of the transport checksum; 0: none that covers addresses or ports. */
static __always_inline __u32 checksum_offset(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return offsetof(struct tcphdr, check);
	case PROTOCOL_UDP:
		return offsetof(struct udphdr, check);
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return offsetof(struct icmphdr, checksum);
	default:
		return 0;
	}
}

static __always_inline __u32 port_offset(enum protocol protocol, enum nat_side side)
{
	if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
		return offsetof(struct icmphdr, un.echo.id);
	return side == NAT_SOURCE ? 0 : 2;
}

static __always_inline __u16 packet_port(const struct packet *p, enum nat_side side)
{
	return side == NAT_SOURCE ? p->key.source_port : p->key.destination_port;
}

static __always_inline const struct addr *packet_address(const struct packet *p, enum nat_side side)
{
	return side == NAT_SOURCE ? &p->key.source : &p->key.destination;
}

/*
 * Updates the transport checksum directly, for the @state partial, none or verified. As with the
 * helpers, UDP's is never 0, which would mean none.
 */
static __always_inline int rewrite_checksum_direct(struct __sk_buff *skb, const struct packet *p,
						   const struct rewrite *r, __u32 state)
{
	__u16 *field = (void *)(long)skb->data + (p->l4 & L4_MASK) + checksum_offset(p->key.protocol);
	__u16 from = bpf_htons(packet_port(p, r->side)), to = bpf_htons(r->port), check;
	__u64 sum = 0;

	if ((void *)(field + 1) > (void *)(long)skb->data_end)
		return -1;
	if (p->family == FAMILY_IPV6)
		sum = sum_change(0, packet_address(p, r->side), &r->address, 4);
	else if (p->key.protocol != PROTOCOL_ICMP)
		sum = (__u64)(__u32)~addr_ipv4(packet_address(p, r->side)) + addr_ipv4(&r->address);
	if (state == CHECKSUM_PARTIAL)
		check = sum_fold(sum + *field);
	else
		check = checksum_change(*field, sum + (__u16)~from + to);
	*field = check || p->key.protocol != PROTOCOL_UDP ? check : 0xffff;
	return 0;
}

/* Updates the transport checksum; the transport header must be readable. */
static __always_inline int rewrite_checksum(struct __sk_buff *skb, const struct packet *p,
					    const struct rewrite *r, __u32 state)
{
	__u32 check = checksum_offset(p->key.protocol);
	__u32 udp = p->key.protocol == PROTOCOL_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	const struct addr *from = packet_address(p, r->side);
	__u16 port = packet_port(p, r->side);
	int err = 0;

	if (!check || p->flags & PACKET_NO_CHECKSUM || (p->key.protocol == PROTOCOL_ICMP && port == r->port))
		return 0;
	if (state != CHECKSUM_COMPLETE)
		return rewrite_checksum_direct(skb, p, r, state);
	if (p->family == FAMILY_IPV6)
		err = bpf_l4_csum_replace(skb, p->l4 + check, 0,
					  sum_fold32(sum_change(0, from, &r->address, 4)),
					  BPF_F_PSEUDO_HDR | udp);
	else if (p->key.protocol != PROTOCOL_ICMP)
		err = bpf_l4_csum_replace(skb, p->l4 + check, addr_ipv4(from), addr_ipv4(&r->address),
					  BPF_F_PSEUDO_HDR | udp | sizeof(__be32));
	if (!err && port != r->port)
		err = bpf_l4_csum_replace(skb, p->l4 + check, bpf_htons(port), bpf_htons(r->port),
					  udp | sizeof(__be16));
	return err;
}

/*
 * Writes the port. IPv4 addresses and ports are written directly: a helper would cost more than the
 * rest.
 */
static __always_inline int rewrite_port(struct __sk_buff *skb, const struct packet *p,
					const struct rewrite *r)
{
	__be16 port = bpf_htons(r->port), *field;

	if (packet_port(p, r->side) == r->port)
		return 0;
	if (p->flags & PACKET_NO_CHECKSUM)
		return bpf_skb_store_bytes(skb, p->l4 + port_offset(p->key.protocol, r->side), &port,
					   sizeof(port), BPF_F_RECOMPUTE_CSUM);
	field = (void *)(long)skb->data + (p->l4 & L4_MASK) + port_offset(p->key.protocol, r->side);
	if ((void *)(field + 1) > (void *)(long)skb->data_end)
		return -1;
	*field = port;
	return 0;
}

static __always_inline int rewrite_ipv4(struct __sk_buff *skb, const struct packet *p,
					const struct rewrite *r)
{
	struct iphdr *ip = (void *)(long)skb->data + (p->l3 & L3_MASK);
	__be32 from = addr_ipv4(packet_address(p, r->side)), to = addr_ipv4(&r->address);

	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return -1;
	ip->check = checksum_change(ip->check, sum_change(0, &from, &to, 1));
	if (r->hop) {
		ip->ttl--;
		ip->check = ipv4_checksum_less_ttl(ip->check);
	}
	if (r->side == NAT_SOURCE)
		ip->saddr = to;
	else
		ip->daddr = to;
	return 0;
}

static __always_inline int rewrite_ipv6(struct __sk_buff *skb, const struct packet *p,
					const struct rewrite *r, __u32 state)
{
	struct ipv6hdr *ip = (void *)(long)skb->data + (p->l3 & L3_MASK);
	struct ipv6hdr new;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return -1;
	if (state != CHECKSUM_COMPLETE) {
		ip->hop_limit -= r->hop;
		__builtin_memcpy(r->side == NAT_SOURCE ? &ip->saddr : &ip->daddr, &r->address,
				 sizeof(ip->saddr));
		return 0;
	}
	new = *ip;
	new.hop_limit -= r->hop;
	if (r->side == NAT_SOURCE)
		__builtin_memcpy(&new.saddr, &r->address, sizeof(new.saddr));
	else
		__builtin_memcpy(&new.daddr, &r->address, sizeof(new.daddr));
	return bpf_skb_store_bytes(skb, p->l3, &new, sizeof(new), BPF_F_RECOMPUTE_CSUM);
}

/* Sets the identification to p->masq_id, in later fragments too. */
static __always_inline int rewrite_id(struct __sk_buff *skb, const struct packet *p)
{
	struct iphdr *ip = (void *)(long)skb->data + (p->l3 & L3_MASK);
	__be32 id = bpf_htonl(p->masq_id);
	__be16 from, to = bpf_htons(p->masq_id);

	if (p->family == FAMILY_IPV6)
		return bpf_skb_store_bytes(skb, p->fragment_at + 4, &id, sizeof(id),
					   BPF_F_RECOMPUTE_CSUM);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return -1;
	from = ip->id;
	ip->check = checksum_change(ip->check, (__u64)(__u16)~from + to);
	ip->id = to;
	return 0;
}

/* Rewrites one side of the packet. False: partially rewritten, must be dropped. */
static __always_inline bool rewrite(struct __sk_buff *skb, const struct packet *p,
				    const struct rewrite *r)
{
	__u32 state = checksum_state(skb);
	int err = p->family == FAMILY_IPV6 ? rewrite_ipv6(skb, p, r, state) : rewrite_ipv4(skb, p, r);

	if (err || p->flags & PACKET_FRAGMENT_LATER)
		return !err;
	return !rewrite_port(skb, p, r) && !rewrite_checksum(skb, p, r, state);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checksum state of packets from pods. A raw socket (PACKET_VNET_HDR) or a tap may leave a checksum
 * to the device and choose where it starts and where it is stored: the kernel or the device writes
 * it long after all checks and the masquerade. The only permitted places are the checksum field of
 * the packet's own transport header, and the payload (the inner packet of a tunnel).
 */
#ifndef PP_CHECKSUM_BPF_H
#define PP_CHECKSUM_BPF_H

#include "bpf/buffer.bpf.h"
#include "bpf/parse_slow.bpf.h"
#include "bpf/rewrite.bpf.h"

#define SCTP_CHECKSUM 8    /* offset in the SCTP header */

/* Start and destination of a checksum that is still to be computed, relative to the IP header. */
struct pending_checksum {
	__u16 start, field;
};

/* Direct loads, where the kernel lets programs read the buffer. */
static __always_inline bool pending_read(struct __sk_buff *skb, struct pending_checksum *c)
{
	struct sk_buff___pp *buffer = bpf_cast_to_kern_ctx(skb);

	if (BPF_CORE_READ_BITFIELD(buffer, ip_summed) != CHECKSUM_PARTIAL)
		return false;
	c->start = buffer->csum_start - buffer->network_header;
	c->field = c->start + buffer->csum_offset;
	return true;
}

/* The same through bpf_probe_read_kernel(), for other kernels. */
static __always_inline bool pending_probe_read(struct __sk_buff *skb, struct pending_checksum *c)
{
	struct sk_buff___pp *buffer = (void *)skb;
	__u16 start = 0, offset = 0, network = 0;

	if (BPF_CORE_READ_BITFIELD_PROBED(buffer, ip_summed) != CHECKSUM_PARTIAL)
		return false;
	bpf_core_read(&start, sizeof(start), &buffer->csum_start);
	bpf_core_read(&offset, sizeof(offset), &buffer->csum_offset);
	bpf_core_read(&network, sizeof(network), &buffer->network_header);
	c->start = start - network;
	c->field = c->start + offset;
	return true;
}

static __always_inline bool pending_checksum(struct __sk_buff *skb, struct pending_checksum *c)
{
	switch (cfg.buffer_access) {
	case BUFFER_DIRECT:
		return pending_read(skb, c);
	case BUFFER_PROBED:
		return pending_probe_read(skb, c);
	default:
		return false;
	}
}

/* Whether the pending checksum stays out of all fields that are checked or translated. */
static __always_inline bool pending_is_valid(const struct packet *p, const struct pending_checksum *c)
{
	__u32 l4 = p->l4 - p->l3;

	/* a stack completes checksums before it fragments, and always those of ICMP */
	if (p->flags & PACKET_FRAGMENT || c->start < l4 || c->field < c->start)
		return false;
	switch (p->key.protocol) {
	case PROTOCOL_TCP:
		return c->start == l4 && c->field == l4 + checksum_offset(PROTOCOL_TCP);
	case PROTOCOL_UDP:
		return (c->start == l4 && c->field == l4 + checksum_offset(PROTOCOL_UDP)) ||
		       c->start >= l4 + sizeof(struct udphdr);
	case PROTOCOL_SCTP:
		return c->start == l4 && c->field == l4 + SCTP_CHECKSUM;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return false;
	default:
		return true;
	}
}

static __always_inline bool offload_is_valid(struct __sk_buff *skb, const struct packet *p)
{
	struct pending_checksum c;

	return !pending_checksum(skb, &c) || pending_is_valid(p, &c);
}

/* Checks the checksum of an IPv4 header without options (RFC 1812 5.2.2). */
static __always_inline bool ipv4_checksum_valid(const struct iphdr *ip)
{
	const __u32 *word = (const void *)ip;
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];

	return sum_fold(sum) == 0xffff;
}

/* The same for any IPv4 header; true for IPv6, which has none. */
__noinline int header_checksum_valid(struct __sk_buff *skb, struct packet *p)
{
	__u8 header[60] = {};
	__u32 length;
	__u8 first;

	if (!p || p->family == FAMILY_IPV6)
		return true;
	if (bpf_skb_load_bytes(skb, p->l3, &first, sizeof(first)))
		return false;
	length = (first & 0xf) * 4;
	if (!load_bounded(skb, p->l3, header, length, sizeof(header)))
		return false;
	return sum_fold((__u32)bpf_csum_diff(NULL, 0, (void *)header, sizeof(header), 0)) == 0xffff;
}

#endif

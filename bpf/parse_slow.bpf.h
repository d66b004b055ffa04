/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slow path of parse(): IPv4 options, IPv6 extension headers, fragments. Global functions: the
 * verifier checks each once instead of once per path.
 */
#ifndef PP_PARSE_SLOW_BPF_H
#define PP_PARSE_SLOW_BPF_H

#include "bpf/parse.bpf.h"

#define EXTENSIONS_MAX 8
#define EXTENSIONS_BYTES 256

/*
 * Loads 4 to @max bytes into @to. The bounds are checked one at a time: 6.1's verifier learns
 * nothing from the single comparison that the compiler would make of both.
 */
static __always_inline bool load_bounded(struct __sk_buff *skb, __u32 offset, void *to, __u32 size,
					 __u32 max)
{
	barrier_var(size);
	if (size > max)
		return false;
	barrier_var(size);
	return size >= 4 && !bpf_skb_load_bytes(skb, offset, to, size);
}

/* Loads the header at @offset into a buffer for parse_l4(); the payload has @length bytes. */
static __always_inline enum parsed parse_l4_at(struct __sk_buff *skb, struct packet *p,
					       __u32 offset, __u32 length)
{
	__u8 head[20] = {};
	__u32 size = length < sizeof(head) ? length : sizeof(head);

	p->l4 = offset;
	if (size >= 4 && !load_bounded(skb, offset, head, size, sizeof(head)))
		return PARSED_MALFORMED;
	if (parse_l4(p, head, head + sizeof(head), length))
		return PARSED;
	return p->flags & PACKET_FRAGMENT ? PARSED_TINY : PARSED_MALFORMED;
}

struct options {
	__u8 byte[40];
	__u32 length, next;
	bool source_route;
};

/* Reads one option. Loose and strict source route are numbers 131 and 137 (RFC 791). */
static int read_option(__u32 n, struct options *options)
{
	__u32 i = options->next;
	__u8 type;

	if (i >= options->length || i >= sizeof(options->byte) - 1)
		return 1;
	type = options->byte[i];
	if (type == 131 || type == 137)
		options->source_route = true;
	options->next = i + (type == 1 || options->byte[i + 1] < 2 ? 1 : options->byte[i + 1]);
	return type == 0 || options->source_route;
}

static __always_inline bool parse_ipv4_options(struct __sk_buff *skb, struct packet *p, __u32 header)
{
	struct options options = {};
	__u32 length = header - sizeof(struct iphdr);

	if (!length)
		return true;
	p->flags |= PACKET_OPTIONS;
	options.length = length;
	if (!load_bounded(skb, p->l3 + sizeof(struct iphdr), options.byte, length, sizeof(options.byte)))
		return false;
	bpf_loop(sizeof(options.byte), read_option, &options, 0);
	if (options.source_route)
		p->flags |= PACKET_SOURCE_ROUTE;
	return true;
}

static __always_inline void parse_fragment(struct packet *p, __u16 offset, bool more, __u32 id)
{
	if (!offset && !more)
		return;
	p->flags |= PACKET_FRAGMENT | (offset ? PACKET_FRAGMENT_LATER : 0);
	p->offset = offset;
	p->id = id;
}

__noinline int parse_slow_ipv4(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr ip;
	__u32 header, length;

	if (!p || bpf_skb_load_bytes(skb, p->l3, &ip, sizeof(ip)))
		return PARSED_MALFORMED;
	header = ip.ihl * 4;
	length = bpf_ntohs(ip.tot_len);
	if (header < sizeof(ip) || length < header || length > skb->len - p->l3)
		return PARSED_MALFORMED;
	if (!parse_ipv4_options(skb, p, header))
		return PARSED_MALFORMED;
	length -= header;
	parse_fragment(p, bpf_ntohs(ip.frag_off) & 0x1fff, ip.frag_off & bpf_htons(0x2000),
		       bpf_ntohs(ip.id));
	if (p->flags & PACKET_FRAGMENT_LATER)
		return PARSED;
	return parse_l4_at(skb, p, p->l3 + header, length);
}

/* Skips one extension header of type p->key.protocol at *offset; false: truncated. */
static __always_inline bool skip_extension(struct __sk_buff *skb, struct packet *p, __u32 *offset)
{
	struct {
		__u8 next, length, type, left;
		__be32 id;
	} extension;
	__u32 size;

	if (bpf_skb_load_bytes(skb, *offset, &extension, sizeof(extension)))
		return false;
	size = (extension.length + 1) * 8;
	if (p->key.protocol == PROTOCOL_FRAGMENT) {
		__u16 field = extension.type << 8 | extension.left;

		parse_fragment(p, field >> 3, field & 1, bpf_ntohl(extension.id));
		p->fragment_at = *offset;
		size = 8;
	} else if (p->key.protocol == PROTOCOL_AH) {
		size = (extension.length + 2) * 4;
	} else if (p->key.protocol == PROTOCOL_ROUTING && extension.left) {
		p->flags |= PACKET_SOURCE_ROUTE;
	}
	p->flags |= PACKET_OPTIONS;
	p->key.protocol = extension.next;
	*offset += size;
	return true;
}

__noinline int parse_slow_ipv6(struct __sk_buff *skb, struct packet *p)
{
	__u32 first, offset, end;
	__be16 length;

	if (!p || bpf_skb_load_bytes(skb, p->l3 + 4, &length, sizeof(length)))
		return PARSED_MALFORMED;
	first = offset = p->l3 + sizeof(struct ipv6hdr);
	end = length ? first + bpf_ntohs(length) : skb->len;
	for (int i = 0; i < EXTENSIONS_MAX && is_extension_header(p->key.protocol); i++) {
		if (p->key.protocol == PROTOCOL_HOPOPTS && i)
			return PARSED_MALFORMED; /* only valid as the first (RFC 8200 4.1) */
		if (offset + 8 > end || !skip_extension(skb, p, &offset))
			return PARSED_MALFORMED;
		if (p->flags & PACKET_FRAGMENT_LATER)
			return PARSED;
	}
	if (is_extension_header(p->key.protocol) || offset > end || offset - first > EXTENSIONS_BYTES)
		return p->flags & PACKET_FRAGMENT ? PARSED_TINY : PARSED_MALFORMED;
	return parse_l4_at(skb, p, offset, end - offset);
}

/* Completes the result of parse() on the slow path if needed. */
static __always_inline enum parsed parse_rest(struct __sk_buff *skb, struct packet *p,
					      enum parsed parsed)
{
	if (parsed != PARSED_SLOW)
		return parsed;
	return p->family == FAMILY_IPV6 ? parse_slow_ipv6(skb, p) : parse_slow_ipv4(skb, p);
}

#endif

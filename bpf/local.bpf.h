/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local addresses: coarse by pp_ranges, exact by pp_cidrs, per address by the allocator's bitmap.
 * The uplinks' tc programs and the XDP guard share these functions.
 */
#ifndef PP_LOCAL_BPF_H
#define PP_LOCAL_BPF_H

#include "bpf/address.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/own_address.bpf.h"
#include "bpf/ranges.bpf.h"
#include "maps/blocks.bpf.h"
#include "maps/cidrs.bpf.h"
#include "maps/ips.bpf.h"
#include "maps/pod_ips.bpf.h"

/* The local block of the address; 0: none. */
static __always_inline __u32 local_block(const struct addr *ip)
{
	struct cidr_key key = { .length = 128 };
	struct cidr *cidr;

	__builtin_memcpy(&key.addr, ip, sizeof(key.addr));
	cidr = bpf_map_lookup_elem(&pp_cidrs, &key);
	return cidr && cidr->kind == CIDR_LOCAL ? cidr->block : 0;
}

/* Offset of an address inside the block; BLOCK_TRACKED: beyond the tracked ones. */
static __always_inline __u32 block_offset(const struct block *block, const struct addr *ip)
{
	__u64 offset = bpf_be64_to_cpu(addr_words(ip)->low) -
		       bpf_be64_to_cpu(addr_words(&block->prefix.addr)->low);

	if (addr_words(ip)->high != addr_words(&block->prefix.addr)->high || offset >= block->size)
		return BLOCK_TRACKED;
	return offset;
}

/* Whether the address in local block @id is allocated; true if unknown. */
static __always_inline bool is_allocated(__u32 id, const struct addr *ip)
{
	struct block *block = bpf_map_lookup_elem(&pp_blocks, &id);
	struct ips_key key = { .block = id };
	struct ips_chunk *chunk;
	__u32 offset;

	if (!block)
		return true;
	offset = block_offset(block, ip);
	if (offset >= BLOCK_TRACKED)
		return false;
	key.chunk = offset / CHUNK_ADDRESSES;
	chunk = bpf_map_lookup_elem(&pp_ips, &key);
	if (!chunk)
		return false;
	return chunk->word[offset / 64 % CHUNK_WORDS] >> offset % 64 & 1;
}

/* A source that cannot belong to a host, and so cannot appear in a packet from outside. */
static __always_inline bool is_bogon(const struct flow_key *key, enum family family)
{
	const struct addr *source = &key->source;

	/* a host without an address uses :: for neighbour discovery and group membership, by multicast */
	if (family == FAMILY_IPV6)
		return addr_byte(source, 0) == 0xff ||
		       (addr_is_martian(source, family) &&
			(!addr_is_zero(source) || addr_byte(&key->destination, 0) != 0xff));
	/* a host without an address requests one by broadcast */
	if (addr_byte(source, 12) == 0)
		return addr_ipv4(&key->destination) != 0xffffffff;
	return addr_byte(source, 12) == 127 || addr_is_multicast(source, family);
}

/*
 * Sources that are never forwarded to a pod's own address: the node itself, and link-local ones
 * (RFC 3927 7, RFC 4291 2.5.6) unless an option excludes them from masquerade.
 */
static __always_inline bool is_martian_source(void *ctx, __u32 ifindex, const struct addr *source,
					      enum family family)
{
	if (addr_is_link_only(source, family) ||
	    (addr_is_link_local(source, family) && !is_native(source)))
		return true;
	return may_be_own(ranges_get(), source) && is_own_address(ctx, ifindex, source, family);
}

/*
 * Checks a packet from outside to an address in the ranges; @found: a pod has it. In a local block
 * the address must at least be allocated.
 */
static __always_inline enum stat check_outside_destination(void *ctx, __u32 ifindex,
							    const struct flow_key *key,
							    enum family family, bool found)
{
	__u32 block = found ? 0 : local_block(&key->destination);

	if (block && !is_allocated(block, &key->destination))
		return STAT_UNALLOCATED;
	if (!found && !block)
		return NO_DROP;
	return is_martian_source(ctx, ifindex, &key->source, family) ? STAT_MARTIAN_SOURCE : NO_DROP;
}

#endif

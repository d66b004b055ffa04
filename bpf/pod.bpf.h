/* SPDX-License-Identifier: GPL-2.0-only */
/* Pod lookup: by address, by slot and generation. */
#ifndef PP_POD_BPF_H
#define PP_POD_BPF_H

#include <stdbool.h>

#include "bpf/address.bpf.h"
#include "maps/pod_cache.bpf.h"
#include "maps/pod_ips.bpf.h"
#include "maps/pods.bpf.h"

/* The pod in @slot while it exists. */
static __always_inline struct pod *pod_at(__u32 slot)
{
	struct pod *pod = bpf_map_lookup_elem(&pp_pods, &slot);

	return pod && pod->state == POD_READY ? pod : NULL;
}

static __always_inline const struct addr *pod_address(const struct pod *pod, enum family family)
{
	return family == FAMILY_IPV6 ? &pod->ip[FAMILY_IPV6] : &pod->ip[FAMILY_IPV4];
}

static __always_inline bool pod_has(const struct pod *pod, const struct addr *ip, enum family family)
{
	/* a pod without this family has :: there */
	return addr_equal(pod_address(pod, family), ip) && !addr_is_zero(ip);
}

static __always_inline __u32 pod_cache_tag(const struct addr *ip)
{
	return bpf_be64_to_cpu(addr_words(ip)->low);
}

static __always_inline struct pod_cache_entry *pod_cache_at(__u32 tag)
{
	__u32 zero = 0;
	struct pod_cache *cache = bpf_map_lookup_elem(&pp_pod_cache, &zero);

	return cache ? &cache->entry[(tag ^ tag >> 12) % POD_CACHE_ENTRIES] : NULL;
}

/* The pod with this address if the cache has it; sets *slot. */
static __always_inline struct pod *pod_cache_find(const struct addr *ip, enum family family, __u32 *slot)
{
	__u32 tag = pod_cache_tag(ip);
	struct pod_cache_entry *entry = pod_cache_at(tag);
	struct pod *pod;

	if (!entry || entry->address != tag)
		return NULL;
	*slot = entry->slot;
	pod = pod_at(*slot);
	return pod && pod_has(pod, ip, family) ? pod : NULL;
}

static __always_inline struct pod *pod_cache_lookup(const struct addr *ip, enum family family)
{
	__u32 slot;

	return pod_cache_find(ip, family, &slot);
}

static __always_inline void pod_cache_set(const struct addr *ip, __u32 slot)
{
	__u32 tag = pod_cache_tag(ip);
	struct pod_cache_entry *entry = pod_cache_at(tag);

	if (entry && (entry->address != tag || entry->slot != slot))
		*entry = (struct pod_cache_entry){ .address = tag, .slot = slot };
}

/* The pod with this address; sets *slot. */
static __always_inline struct pod *pod_by_ip(const struct addr *ip, __u32 *slot)
{
	struct addr key = *ip; /* a copy, so that the packet itself can stay in registers */
	struct pod_ip *ref = bpf_map_lookup_elem(&pp_pod_ips, &key);
	struct pod *pod;

	if (!ref)
		return NULL;
	*slot = ref->slot;
	pod = pod_at(ref->slot);
	if (!pod || pod->generation != ref->generation)
		return NULL;
	pod_cache_set(ip, *slot);
	return pod;
}

/* The same for an address that is likely to be in the cache. */
static __always_inline struct pod *pod_by_ip_cached(const struct addr *ip, enum family family, __u32 *slot)
{
	struct pod *pod = pod_cache_find(ip, family, slot);

	return pod ? pod : pod_by_ip(ip, slot);
}

/* MAC address as three words: clang would compare and copy bytes. */
struct mac_words {
	__u16 word[3];
};

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	const struct mac_words *x = (const void *)a, *y = (const void *)b;

	return x->word[0] == y->word[0] && x->word[1] == y->word[1] && x->word[2] == y->word[2];
}

static __always_inline void mac_copy(__u8 *to, const __u8 *from)
{
	*(struct mac_words *)to = *(const struct mac_words *)from;
}

#endif

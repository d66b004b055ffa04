/* SPDX-License-Identifier: GPL-2.0-only */
/* Cache of lookup results per flow, valid for one jiffy (maps/flow_cache.h). */
#ifndef PP_BPF_FLOW_CACHE_BPF_H
#define PP_BPF_FLOW_CACHE_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/flow.bpf.h"
#include "maps/flow_cache.bpf.h"

/* Tests set the tick with each packet. */
static __always_inline __u32 cache_tick(const struct __sk_buff *skb)
{
	return cfg.virtual_clock ? skb->mark : (__u32)bpf_jiffies64();
}

/*
 * This CPU's entry for the hash of @key, whichever flow it holds. The three products are
 * independent, which matters more than how well they mix: a collision only costs a map lookup.
 */
static __always_inline struct cache_entry *cache_entry_at(const struct flow_key *key)
{
	const struct addr_words *source = addr_words(&key->source);
	const struct addr_words *destination = addr_words(&key->destination);
	__u64 ports = (__u64)key->source_port << 16 | key->destination_port;
	__u64 hash = (source->low ^ source->high) * 0x9e3779b97f4a7c15ULL +
		     (destination->low ^ destination->high) * 0xc2b2ae3d27d4eb4fULL +
		     ports * 0xff51afd7ed558ccdULL;
	__u32 index = hash >> (64 - FLOW_CACHE_BITS);

	return bpf_map_lookup_elem(&pp_flow_cache, &index);
}

static __always_inline bool cache_matches(const struct cache_entry *cached, const struct flow_key *key,
					  enum cache_direction direction, __u32 tick)
{
	return cached->tick == tick && cached->direction == direction && key_equal(&cached->key, key);
}

/* Returns the entry of @key for this tick, an empty one if nothing is cached. */
static __always_inline struct cache_entry *cache_lookup(const struct __sk_buff *skb,
							const struct flow_key *key,
							enum cache_direction direction)
{
	struct cache_entry *cached = cache_entry_at(key);
	__u32 tick = cache_tick(skb);

	if (!cached || cache_matches(cached, key, direction, tick))
		return cached;
	cached->key = *key;
	cached->tick = tick;
	cached->direction = direction;
	cached->kind = CACHE_EMPTY;
	cached->inbound_recorded = false;
	cached->ifindex = 0;
	return cached;
}

static __always_inline void cache_set(struct cache_entry *cached, enum cache_kind kind, __u32 slot,
				      __u32 generation)
{
	cached->kind = kind;
	cached->slot = slot;
	cached->generation = generation;
}

/* The pod of an entry of @kind, while it exists. */
static __always_inline struct pod *cached_pod(const struct cache_entry *cached, enum cache_kind kind)
{
	struct pod *pod = cached->kind == kind ? pod_at(cached->slot) : NULL;

	return pod && pod->generation == cached->generation ? pod : NULL;
}

/* The flow of the entry, while it is current. */
static __always_inline struct flow *cached_flow(const struct cache_entry *cached, __u32 now)
{
	struct flow *flow = cached->kind == CACHE_FLOW ? flow_at(cached->slot) : NULL;

	if (!flow || !flow_is_valid(flow, cached->generation) || !flow_is_current(flow, now))
		return NULL;
	return flow;
}

#endif

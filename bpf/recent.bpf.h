/* SPDX-License-Identifier: GPL-2.0-only */
/* Remembering for one tick of the clock what was found for a flow's packet (maps/recent.h). */
#ifndef PP_BPF_RECENT_BPF_H
#define PP_BPF_RECENT_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/flow.bpf.h"
#include "maps/recent.bpf.h"

/* Tests decide with each packet whether the clock has ticked. */
static __always_inline __u32 recent_tick(const struct __sk_buff *skb)
{
	return cfg.virtual_clock ? skb->mark : (__u32)bpf_jiffies64();
}

/*
 * Where @key's entry is on this CPU, whoever has it. The products do not wait for each other, which
 * matters more than how well they mix: another flow's place only costs a look at the maps.
 */
static __always_inline struct recent *recent_place(const struct flow_key *key)
{
	const struct addr_words *source = addr_words(&key->source);
	const struct addr_words *destination = addr_words(&key->destination);
	__u64 ports = (__u64)key->source_port << 16 | key->destination_port;
	__u64 hash = (source->low ^ source->high) * 0x9e3779b97f4a7c15ULL +
		     (destination->low ^ destination->high) * 0xc2b2ae3d27d4eb4fULL +
		     ports * 0xff51afd7ed558ccdULL;
	__u32 index = hash >> (64 - RECENT_BITS);

	return bpf_map_lookup_elem(&pp_recent, &index);
}

static __always_inline bool recent_is(const struct recent *recent, const struct flow_key *key,
				      enum recent_side side, __u32 tick)
{
	return recent->tick == tick && recent->side == side && key_equal(&recent->key, key);
}

/* What is known of @key in this tick: where nothing is, an empty entry for it. NULL: never. */
static __always_inline struct recent *recent_of(const struct __sk_buff *skb, const struct flow_key *key,
						enum recent_side side)
{
	struct recent *recent = recent_place(key);
	__u32 tick = recent_tick(skb);

	if (!recent || recent_is(recent, key, side, tick))
		return recent;
	recent->key = *key;
	recent->tick = tick;
	recent->side = side;
	recent->kind = RECENT_NOTHING;
	recent->noted = false;
	recent->ifindex = 0;
	return recent;
}

static __always_inline void recent_note(struct recent *recent, enum recent_kind kind, __u32 slot,
					__u32 generation)
{
	recent->kind = kind;
	recent->slot = slot;
	recent->generation = generation;
}

/* The pod that an entry of @kind means, while it is there. */
static __always_inline struct pod *recent_pod(const struct recent *recent, enum recent_kind kind)
{
	struct pod *pod = recent->kind == kind ? pod_at(recent->slot) : NULL;

	return pod && pod->generation == recent->generation ? pod : NULL;
}

/* The flow that the entry means, while it lives. */
static __always_inline struct flow *recent_flow(const struct recent *recent, __u32 now)
{
	struct flow *flow = recent->kind == RECENT_FLOW ? flow_at(recent->slot) : NULL;

	return flow && flow_is(flow, recent->generation) && flow_is_current(flow, now) ? flow : NULL;
}

#endif

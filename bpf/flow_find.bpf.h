/* SPDX-License-Identifier: GPL-2.0-only */
/* Lookup of flows: by hint (maps/flow_hints.h), else in an index. */
#ifndef PP_FLOW_FIND_BPF_H
#define PP_FLOW_FIND_BPF_H

#include "bpf/flow.bpf.h"
#include "maps/flow_fwd.bpf.h"
#include "maps/flow_hints.bpf.h"
#include "maps/flow_rev.bpf.h"

/* Keys of one index. */
enum flow_side {
	FLOW_FORWARD, /* as the pod sends */
	FLOW_REPLY,   /* as the reply arrives */
};

/* Connections to one service take consecutive ports, and so consecutive hints. */
static __always_inline struct flow_ref *hint_at(const struct flow_key *key, enum flow_side side)
{
	const struct addr_words *s = addr_words(&key->source), *d = addr_words(&key->destination);
	__u16 near = side == FLOW_FORWARD ? key->source_port : key->destination_port;
	__u16 far = side == FLOW_FORWARD ? key->destination_port : key->source_port;
	__u64 hash = (s->low ^ s->high) * 0x9e3779b97f4a7c15ULL +
		     (d->low ^ d->high) * 0xc2b2ae3d27d4eb4fULL + far * 0xff51afd7ed558ccdULL;
	__u32 index = ((hash >> 48) + near) % FLOW_HINTS;

	return bpf_map_lookup_elem(&pp_flow_hints, &index);
}

static __always_inline void hint_set(const struct flow_key *key, enum flow_side side,
				     const struct flow_ref *ref)
{
	struct flow_ref *hint = hint_at(key, side);

	if (hint)
		*(volatile __u64 *)hint = (__u64)ref->generation << 32 | ref->slot;
}

static __always_inline bool flow_has_key(const struct flow *flow, const struct flow_key *key,
					 enum flow_side side)
{
	if (side == FLOW_FORWARD)
		return key_equal(&flow->forward, key);
	return addr_equal(&flow->forward.destination, &key->source) &&
	       addr_equal(&flow->masq_address, &key->destination) &&
	       flow->forward.destination_port == key->source_port &&
	       flow->masq_port == key->destination_port && flow->forward.protocol == key->protocol;
}

/* The current flow of @key if its hint has it; stores the reference in *ref. */
static __always_inline struct flow *flow_by_hint(const struct flow_key *key, enum flow_side side,
						 struct flow_ref *ref, __u32 now)
{
	struct flow_ref *hint = hint_at(key, side);
	__u64 word = hint ? *(volatile __u64 *)hint : 0;
	struct flow *flow;

	ref->slot = word;
	ref->generation = word >> 32;
	flow = word ? flow_at(ref->slot) : NULL;
	if (!flow || !flow_has_key(flow, key, side) || !flow_is_valid(flow, ref->generation) ||
	    !flow_is_current(flow, now))
		return NULL;
	return flow;
}

/* Looks up the current flow of @key, and stores the reference in *ref. */
static __always_inline struct flow *flow_find(const struct flow_key *key, enum flow_side side,
					      struct flow_ref *ref, __u32 now)
{
	struct flow *flow = flow_by_hint(key, side, ref, now);
	struct flow_ref *found;

	if (flow)
		return flow;
	found = side == FLOW_FORWARD ? bpf_map_lookup_elem(&pp_flow_fwd, key) :
				       bpf_map_lookup_elem(&pp_flow_rev, key);
	if (!found)
		return NULL;
	*ref = *found;
	flow = flow_at(ref->slot);
	if (!flow || !flow_is_valid(flow, ref->generation) || !flow_is_current(flow, now))
		return NULL;
	hint_set(key, side, ref);
	return flow;
}

#endif

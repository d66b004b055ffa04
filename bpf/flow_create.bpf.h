/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Creation of a flow: allocate a slot, fill the record, claim a port (a NOEXIST entry under the
 * reply's key), add the forward entry. The record is complete before it can be found, so another
 * CPU that creates the same flow, or the same flow after its forward entry was lost, adopts it.
 */
#ifndef PP_FLOW_CREATE_BPF_H
#define PP_FLOW_CREATE_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/flow_evict.bpf.h"
#include "bpf/masq_address.bpf.h"
#include "bpf/node_conn.bpf.h"
#include "bpf/port_sample.bpf.h"
#include "bpf/scratch.bpf.h"

#define EEXIST 17

/* slots that every new flow sweeps while the timer does not run (bpf/flows.bpf.c) */
#define SWEEP_NO_TIMER 64
#define TIMER_LATE 5 /* clock units */

#define CLAIM_TRIES 4 /* each failure means that another CPU was faster */

/* Allocates a record for a flow of the pod in slot @pod, by eviction if the table is full. */
static __always_inline bool slot_find(struct flow_table *table, __u32 pod, __u32 *slot, __u32 now)
{
	int given;

	if (now - table->last_tick > TIMER_LATE)
		flow_sweep(table, SWEEP_NO_TIMER, now);
	if (slot_alloc(table, slot)) {
		__sync_fetch_and_add(&table->used, 1);
		return true;
	}
	given = flow_evict(pod);
	*slot = given;
	return given >= 0;
}

/* Fills the record in @slot except for the port, and returns its generation. */
static __always_inline __u32 record_fill(struct flow_table *table, struct flow *flow,
					 const struct packet *p, const struct creation *c, __u32 now)
{
	enum flow_state state = first_state(p);
	__u8 sent = 0, received = 0;

	if (p->key.protocol == PROTOCOL_TCP)
		state = tcp_state(state, &sent, &received, p->tcp_flags, true);
	flow->forward = p->key;
	flow->masq_address = c->address;
	flow->pod = c->pod;
	flow->pod_generation = c->pod_generation;
	if (p->key.protocol == PROTOCOL_UDP) {
		flow->began = now;
	} else {
		flow->sent = sent;
		flow->received = received;
	}
	flow->expires = now + timeout_of(state);
	share_count(table, c->pod);
	flow->generation++;
	*(volatile enum flow_state *)&flow->state = state;
	return flow->generation;
}

enum claim {
	CLAIMED,
	CLAIM_ADOPTED, /* the flow exists */
	CLAIM_BUSY,    /* by a socket of the host, or in transition */
	CLAIM_HELD,    /* by another flow: creation.holder */
	CLAIM_FREE,    /* the port is free */
	CLAIM_FAILED,
};

/* Finds the holder of the port of s->reply. If adopted, s->creation.flow is set. */
static __always_inline enum claim holder_find(struct scratch *s, __u32 now)
{
	struct flow_ref *found = bpf_map_lookup_elem(&pp_flow_rev, &s->reply);
	struct flow_ref holder;
	struct flow *flow;

	if (!found)
		return CLAIM_FREE;
	holder = *found;
	flow = flow_at(holder.slot);
	if (!flow || !flow_is_valid(flow, holder.generation))
		return CLAIM_BUSY;
	if (!flow_is_current(flow, now)) {
		flow_remove(holder.slot, holder.generation, STAT_FLOW_EVICTED);
		return CLAIM_FREE;
	}
	if (key_equal(&flow->forward, &s->packet.key)) {
		s->creation.flow = holder;
		return CLAIM_ADOPTED;
	}
	s->creation.holder = holder;
	s->creation.holder_pod = flow->pod;
	s->creation.holder_answered = flow->state == FLOW_REPLIED;
	return CLAIM_HELD;
}

/*
 * Claims @port for the new flow unless another flow or the host holds it; returns an enum claim.
 * Flows are checked first: with few free ports many are tried, and a socket lookup costs more. The
 * @first port is probably free, so it is checked for flows only by the claim; CLAIM_FREE: it was
 * held by an expired one, try again.
 */
__noinline int claim_port(struct __sk_buff *skb, __u16 port, __u32 first)
{
	struct scratch *s = scratch();
	struct flow *flow = s ? flow_at(s->creation.flow.slot) : NULL;
	__u32 now = clock_units();
	enum claim result;
	int err;

	if (!flow)
		return CLAIM_FAILED;
	s->reply.destination_port = port;
	result = first ? CLAIM_FREE : holder_find(s, now);
	if (result != CLAIM_FREE)
		return result;
	if (node_conn_is_current(&s->reply, now))
		return CLAIM_BUSY;
	if (has_ports(s->reply.protocol) && host_has_port(skb, &s->reply, s->packet.family))
		return CLAIM_BUSY;
	flow->masq_port = port;
	err = bpf_map_update_elem(&pp_flow_rev, &s->reply, &s->creation.flow, BPF_NOEXIST);
	if (!err && flow_is_valid_fenced(flow, s->creation.flow.generation))
		return CLAIMED;
	if (!err) {
		index_delete(&pp_flow_rev, &s->reply, s->creation.flow.slot,
			     s->creation.flow.generation);
		return CLAIM_FAILED;
	}
	if (err != -EEXIST)
		return CLAIM_FAILED;
	/* held, or another CPU was faster */
	result = holder_find(s, now);
	return result == CLAIM_FREE && !first ? CLAIM_BUSY : result;
}

/* Evicts one of the sampled flows and claims its port; returns an enum claim. */
__noinline int claim_from_victim(struct __sk_buff *skb)
{
	struct port_sample *sample = sample_get();
	struct scratch *s = scratch();
	struct victim victim;
	int result = CLAIM_BUSY;

	for (int n = 0; s && sample && n < CLAIM_TRIES; n++) {
		__u32 place;

		if (!sample_victim(s->creation.pod, clock_units(), &victim))
			break;
		flow_remove(victim.flow.slot, victim.flow.generation, victim_stat(&victim));
		place = victim.place;
		barrier_var(place);
		if (place >= SAMPLE_MAX)
			break;
		result = claim_port(skb, sample->holder[place].port, false);
		if (result != CLAIM_HELD && result != CLAIM_BUSY)
			break;
		sample->holder[place].lost = true;
	}
	return result;
}

struct probing {
	struct __sk_buff *skb;
	struct port_search search;
	enum claim result; /* of the last port tried; CLAIM_FREE: none yet */
	bool spare; /* a finished exchange of the same pod was found */
};

/* Samples the holder of @port; returns whether it is a finished exchange of the same pod. */
__noinline int sample_holder(__u16 port)
{
	struct port_sample *sample = sample_get();
	struct scratch *s = scratch();
	struct creation *c;

	if (!s || !sample)
		return false;
	c = &s->creation;
	sample_add(sample, &c->holder, c->holder_pod, port);
	return c->holder_answered && c->holder_pod == c->pod;
}

static int probe(__u32 n, struct probing *probing)
{
	enum claim result;
	__u16 port;

	if (!port_at(&probing->search, n, &port))
		return 0;
	result = claim_port(probing->skb, port, probing->result == CLAIM_FREE);
	if (result == CLAIM_FREE)
		result = claim_port(probing->skb, port, false);
	if (result == CLAIM_HELD && sample_holder(port))
		probing->spare = true;
	probing->result = result;
	return result == CLAIMED || result == CLAIM_ADOPTED || result == CLAIM_FAILED ||
	       (probing->spare && n >= PORT_PROBES_SPARE);
}

/* Claims a free port or evicts a flow; protocols with fixed ports get their own port or fail. */
static __always_inline enum claim claim_any(struct __sk_buff *skb, struct scratch *s)
{
	struct probing probing = { .skb = skb, .result = CLAIM_FREE };
	struct port_sample *sample = sample_get();
	__u32 probes;

	if (!sample)
		return CLAIM_FAILED;
	port_search(&probing.search, &s->packet.key);
	sample_begin(sample);
	probes = bpf_loop(probing.search.count + 1, probe, &probing, 0);
	sample->complete = probes > probing.search.range;
	if (probing.result == CLAIMED || probing.result == CLAIM_ADOPTED ||
	    probing.result == CLAIM_FAILED || !probing.search.count)
		return probing.result;
	return claim_from_victim(skb);
}

/* Checks the flow after its forward entry was added; removes the entry if the flow was evicted meanwhile. */
static __always_inline enum stat forward_entry_check(const struct flow_key *key,
						     const struct flow_ref *own)
{
	struct flow *flow = flow_at(own->slot);

	if (flow && flow_is_valid_fenced(flow, own->generation)) {
		hint_set(key, FLOW_FORWARD, own);
		return NO_DROP;
	}
	index_delete(&pp_flow_fwd, key, own->slot, own->generation);
	return STAT_INSERT;
}

/*
 * Adds the forward entry. An existing one may belong to a current flow that another CPU created
 * with another port: that one wins. A stale one is overwritten.
 */
static __always_inline enum stat forward_entry_add(struct scratch *s, __u32 now)
{
	struct flow_ref own = s->creation.flow, other;
	struct flow_key *key = &s->packet.key;

	if (!bpf_map_update_elem(&pp_flow_fwd, key, &own, BPF_NOEXIST))
		return forward_entry_check(key, &own);
	if (flow_find(key, FLOW_FORWARD, &other, now)) {
		if (other.slot != own.slot || other.generation != own.generation)
			flow_remove(own.slot, own.generation, STAT_FLOW_ADOPTED);
		s->creation.flow = other;
		return NO_DROP;
	}
	if (!bpf_map_update_elem(&pp_flow_fwd, key, &own, BPF_ANY))
		return forward_entry_check(key, &own);
	flow_remove(own.slot, own.generation, STAT_FLOW_EVICTED);
	return STAT_INSERT;
}

/*
 * Creates or adopts the flow for scratch()'s packet; its creation names the pod. Returns NO_DROP or
 * the reason of the drop.
 */
__noinline int flow_create(struct __sk_buff *skb)
{
	struct flow_table *table = flow_table();
	__u32 now = clock_units(), slot = 0, generation;
	struct scratch *s = scratch();
	struct flow *flow;
	enum claim result;

	if (!s || !table)
		return STAT_INSERT;
	if (!masq_address(skb))
		return STAT_NO_ADDRESS;
	if (!slot_find(table, s->creation.pod, &slot, now))
		return STAT_TABLE_FULL;
	flow = flow_at(slot);
	if (!flow)
		return STAT_TABLE_FULL;
	generation = record_fill(table, flow, &s->packet, &s->creation, now);
	s->creation.flow.slot = slot;
	s->creation.flow.generation = generation;
	flow_reply_key(&s->reply, flow);
	result = claim_any(skb, s);
	if (result == CLAIMED) {
		count_flow(STAT_FLOW_CREATED);
		hint_set(&s->reply, FLOW_REPLY, &s->creation.flow);
		return forward_entry_add(s, now);
	}
	if (flow_end(slot, generation))
		slot_free(table, flow, slot);
	if (result == CLAIM_ADOPTED) {
		count_flow(STAT_FLOW_ADOPTED);
		return forward_entry_add(s, now);
	}
	if (result == CLAIM_FAILED)
		return STAT_INSERT;
	return has_masq_port(s->packet.key.protocol) ? STAT_NO_PORT : STAT_TAKEN;
}

#endif

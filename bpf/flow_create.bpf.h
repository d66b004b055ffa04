/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a flow: a slot, a filled record, the claim of a port (a NOEXIST entry under the answer's
 * key), the forward entry. The record is complete before anyone can find it, so another CPU that
 * wants the same flow, or the same flow again after its forward entry was lost, adopts it.
 */
#ifndef PP_FLOW_CREATE_BPF_H
#define PP_FLOW_CREATE_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/flow_remove.bpf.h"
#include "bpf/masq_address.bpf.h"
#include "bpf/port.bpf.h"
#include "bpf/scratch.bpf.h"

#define EEXIST 17

/* slots looked at for every new flow, where the timer does not run, and before giving up */
#define SWEEP_USUAL 2
#define SWEEP_NO_TIMER 64
#define SWEEP_FULL 1024
#define TIMER_LATE 5 /* clock units */

#define NO_PORT 0x10000

static __always_inline bool slot_find(struct flow_table *table, __u32 *slot, __u32 now)
{
	flow_sweep(table, now - table->last_tick > TIMER_LATE ? SWEEP_NO_TIMER : SWEEP_USUAL, now);
	if (!slot_take(table, slot) && !(flow_sweep(table, SWEEP_FULL, now) && slot_take(table, slot)) &&
	    !(flow_evict(table, SWEEP_FULL, now) && slot_take(table, slot)))
		return false;
	__sync_fetch_and_add(&table->used, 1);
	return true;
}

/* Fills the record in @slot but for the port; its generation. */
static __always_inline __u32 record_fill(struct flow *flow, const struct packet *p,
					 const struct creation *c, __u32 now)
{
	enum flow_state state = first_state(p);
	__u8 sent = 0, received = 0;

	if (p->key.protocol == PROTOCOL_TCP)
		state = tcp_state(state, &sent, &received, p->tcp_flags, true);
	flow->forward = p->key;
	flow->masq_address = c->address;
	flow->pod = c->pod;
	flow->pod_generation = c->pod_generation;
	flow->sent = sent;
	flow->received = received;
	flow->expires = now + timeout_of(state);
	flow->generation++;
	*(volatile enum flow_state *)&flow->state = state;
	return flow->generation;
}

enum claim {
	CLAIMED,
	CLAIM_ADOPTED, /* the flow is there already */
	CLAIM_BUSY,
	CLAIM_CLOSING, /* by a closing flow */
	CLAIM_FREE,    /* nobody has it */
	CLAIM_FAILED,
};

/* Who has the port of s->answer, and whether it gives way. Adopted: the creation is it. */
static __always_inline enum claim occupant_of(struct scratch *s, __u32 now)
{
	struct flow_ref *found = bpf_map_lookup_elem(&pp_flow_rev, &s->answer);
	struct flow_ref occupant;
	struct flow *flow;

	if (!found)
		return CLAIM_FREE;
	occupant = *found;
	flow = flow_at(occupant.slot);
	if (!flow || !flow_is(flow, occupant.generation))
		return CLAIM_BUSY;
	if (!flow_is_current(flow, now)) {
		flow_remove(occupant.slot, occupant.generation, STAT_FLOW_EVICTED);
		return CLAIM_FREE;
	}
	if (!key_equal(&flow->forward, &s->packet.key)) {
		s->creation.occupied_until = flow->expires;
		return flow->state == FLOW_CLOSING ? CLAIM_CLOSING : CLAIM_BUSY;
	}
	s->creation.flow = occupant;
	return CLAIM_ADOPTED;
}

/*
 * Claims @port for the flow in creation unless another flow or the host has it; an enum claim. Which
 * flow has it is asked first: where few ports are free many are tried, and sockets cost more to find.
 */
__noinline int claim_port(struct __sk_buff *skb, __u16 port)
{
	struct scratch *s = scratch();
	struct flow *flow = s ? flow_at(s->creation.flow.slot) : NULL;
	__u32 now = clock_units();
	enum claim result;
	int err;

	if (!flow)
		return CLAIM_FAILED;
	s->answer.destination_port = port;
	result = occupant_of(s, now);
	if (result != CLAIM_FREE)
		return result;
	if ((s->answer.protocol == PROTOCOL_TCP || s->answer.protocol == PROTOCOL_UDP) &&
	    host_has_port(skb, &s->answer, s->packet.family))
		return CLAIM_BUSY;
	flow->masq_port = port;
	err = bpf_map_update_elem(&pp_flow_rev, &s->answer, &s->creation.flow, BPF_NOEXIST);
	if (!err)
		return CLAIMED;
	if (err != -EEXIST)
		return CLAIM_FAILED;
	/* another CPU was faster */
	result = occupant_of(s, now);
	return result == CLAIM_FREE ? CLAIM_BUSY : result;
}

/* Takes the port of a closing flow away from it. */
static __always_inline enum claim claim_from_closing(struct __sk_buff *skb, struct scratch *s,
						     __u16 port)
{
	struct flow_ref *found;

	s->answer.destination_port = port;
	found = bpf_map_lookup_elem(&pp_flow_rev, &s->answer);
	if (found)
		flow_remove(found->slot, found->generation, STAT_FLOW_EVICTED);
	return claim_port(skb, port);
}

struct probing {
	struct __sk_buff *skb;
	struct port_search search;
	enum claim result;
	__u32 closing; /* of the ports that closing flows have the one that was used last the longest ago */
	__u32 closing_until;
};

static __always_inline void remember_closing(struct probing *probing, __u16 port)
{
	struct scratch *s = scratch();

	if (!s || (probing->closing != NO_PORT && s->creation.occupied_until >= probing->closing_until))
		return;
	probing->closing = port;
	probing->closing_until = s->creation.occupied_until;
}

static int probe(__u32 n, struct probing *probing)
{
	enum claim result;
	__u16 port;

	if (!port_at(&probing->search, n, &port))
		return 0;
	result = claim_port(probing->skb, port);
	if (result == CLAIM_CLOSING)
		remember_closing(probing, port);
	probing->result = result;
	return result == CLAIMED || result == CLAIM_ADOPTED || result == CLAIM_FAILED;
}

static __always_inline enum claim claim_any(struct __sk_buff *skb, struct scratch *s)
{
	struct probing probing = { .skb = skb, .result = CLAIM_BUSY, .closing = NO_PORT };

	port_search(&probing.search, &s->packet.key);
	bpf_loop(probing.search.count + 1, probe, &probing, 0);
	if (probing.result == CLAIMED || probing.result == CLAIM_ADOPTED ||
	    probing.result == CLAIM_FAILED || probing.closing == NO_PORT)
		return probing.result;
	return claim_from_closing(skb, s, probing.closing);
}

/*
 * The forward entry. One that is there already may be of a living flow, made by another CPU with
 * another port: that one wins. Or it is void: written over.
 */
static __always_inline enum stat enter_forward(struct scratch *s, __u32 now)
{
	struct flow_ref own = s->creation.flow, other;
	struct flow_key *key = &s->packet.key;

	if (!bpf_map_update_elem(&pp_flow_fwd, key, &own, BPF_NOEXIST))
		return NO_DROP;
	if (flow_find(&pp_flow_fwd, key, &other, now)) {
		if (other.slot != own.slot || other.generation != own.generation)
			flow_remove(own.slot, own.generation, STAT_FLOW_ADOPTED);
		s->creation.flow = other;
		return NO_DROP;
	}
	if (!bpf_map_update_elem(&pp_flow_fwd, key, &own, BPF_ANY))
		return NO_DROP;
	flow_remove(own.slot, own.generation, STAT_FLOW_EVICTED);
	return STAT_INSERT;
}

/*
 * Makes the flow that the packet of scratch() opens, or finds it made; the creation there has its
 * pod. NO_DROP, or why not.
 */
__noinline int flow_create(struct __sk_buff *skb)
{
	struct flow_table *table = flow_table();
	__u32 now = clock_units(), slot = 0;
	struct scratch *s = scratch();
	struct flow *flow;
	enum claim result;

	if (!s || !table)
		return STAT_INSERT;
	if (!masq_address(skb, &s->packet, &s->creation.address))
		return STAT_NO_ADDRESS;
	if (!slot_find(table, &slot, now))
		return STAT_TABLE_FULL;
	flow = flow_at(slot);
	if (!flow)
		return STAT_TABLE_FULL;
	s->creation.flow.slot = slot;
	s->creation.flow.generation = record_fill(flow, &s->packet, &s->creation, now);
	flow_answer_key(&s->answer, flow);
	result = claim_any(skb, s);
	if (result == CLAIMED) {
		count_flow(STAT_FLOW_CREATED);
		return enter_forward(s, now);
	}
	slot_give(table, flow, slot); /* nobody can have found it */
	if (result == CLAIM_ADOPTED) {
		count_flow(STAT_FLOW_ADOPTED);
		return enter_forward(s, now);
	}
	if (result == CLAIM_FAILED)
		return STAT_INSERT;
	return has_masq_port(s->packet.key.protocol) ? STAT_NO_PORT : STAT_TAKEN;
}

#endif

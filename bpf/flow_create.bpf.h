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

#define EEXIST 17

/* slots looked at for every new flow, where the timer does not run, and before giving up */
#define SWEEP_USUAL 2
#define SWEEP_NO_TIMER 64
#define SWEEP_FULL 1024
#define TIMER_LATE 5 /* clock units */

#define NO_PORT 0x10000

/* Whose flow, and what became of it. */
struct creation {
	struct addr address;   /* to masquerade as */
	__u32 pod, pod_generation;
	struct flow_ref flow;  /* made or adopted */
};

static __always_inline bool slot_take(struct flow_table *table, __u32 *slot)
{
	if (!bpf_map_pop_elem(&pp_flow_free, slot))
		return true;
	if (table->fresh >= cfg.flows)
		return false;
	*slot = __sync_fetch_and_add(&table->fresh, 1);
	return *slot < cfg.flows;
}

static __always_inline bool slot_find(__u32 *slot, __u32 now)
{
	struct flow_table *table = flow_table();

	if (!table)
		return false;
	flow_sweep(table, now - table->last_tick > TIMER_LATE ? SWEEP_NO_TIMER : SWEEP_USUAL, now);
	if (!slot_take(table, slot)) {
		flow_sweep(table, SWEEP_FULL, now);
		if (!slot_take(table, slot))
			return false;
	}
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
	CLAIM_RETRY,   /* was by a dead one, removed */
	CLAIM_FAILED,
};

/* Who has the port that could not be claimed, and whether it gives way. */
static __always_inline enum claim claim_occupied(const struct flow_key *answer,
						 const struct flow_key *forward,
						 struct flow_ref *occupant, __u32 now)
{
	struct flow_ref *found = bpf_map_lookup_elem(&pp_flow_rev, answer);
	struct flow *flow;

	if (!found)
		return CLAIM_RETRY;
	*occupant = *found;
	flow = flow_at(occupant->slot);
	if (!flow || !flow_is(flow, occupant->generation))
		return CLAIM_BUSY;
	if (!flow_is_current(flow, now)) {
		flow_remove(occupant->slot, occupant->generation, STAT_FLOW_EVICTED);
		return CLAIM_RETRY;
	}
	if (key_equal(&flow->forward, forward))
		return CLAIM_ADOPTED;
	return flow->state == FLOW_CLOSING ? CLAIM_CLOSING : CLAIM_BUSY;
}

/* Claims the port of @answer for @ref. */
static __always_inline enum claim claim_once(struct flow_key *answer, const struct flow_key *forward,
					     struct flow_ref *ref, struct flow_ref *occupant, __u32 now)
{
	int err = bpf_map_update_elem(&pp_flow_rev, answer, ref, BPF_NOEXIST);

	if (!err)
		return CLAIMED;
	return err == -EEXIST ? claim_occupied(answer, forward, occupant, now) : CLAIM_FAILED;
}

/* The same, once more if a dead flow had it. */
__noinline int claim(struct flow_key *answer, struct flow_key *forward, struct flow_ref *ref,
		     struct flow_ref *occupant, __u32 now)
{
	enum claim result;

	if (!answer || !forward || !ref || !occupant)
		return CLAIM_FAILED;
	result = claim_once(answer, forward, ref, occupant, now);
	return result == CLAIM_RETRY ? claim_once(answer, forward, ref, occupant, now) : result;
}

/* One port; @closing remembers the first one that a closing flow has. */
static __always_inline enum claim claim_port(struct __sk_buff *skb, struct packet *p,
					     struct flow *flow, struct flow_key *answer,
					     struct creation *c, __u16 port, __u32 now)
{
	struct flow_ref occupant = {};
	enum claim result;

	answer->destination_port = port;
	if ((p->key.protocol == PROTOCOL_TCP || p->key.protocol == PROTOCOL_UDP) &&
	    host_has_port(skb, answer, p->family))
		return CLAIM_BUSY;
	flow->masq_port = port;
	result = claim(answer, &p->key, &c->flow, &occupant, now);
	if (result == CLAIM_ADOPTED)
		c->flow = occupant;
	return result;
}

/* Takes the port of a closing flow away from it. */
static __always_inline enum claim claim_from_closing(struct __sk_buff *skb, struct packet *p,
						     struct flow *flow, struct flow_key *answer,
						     struct creation *c, __u16 port, __u32 now)
{
	struct flow_ref *found;

	answer->destination_port = port;
	found = bpf_map_lookup_elem(&pp_flow_rev, answer);
	if (found)
		flow_remove(found->slot, found->generation, STAT_FLOW_EVICTED);
	return claim_port(skb, p, flow, answer, c, port, now);
}

static __always_inline enum claim claim_any(struct __sk_buff *skb, struct packet *p,
					    struct flow *flow, struct creation *c, __u32 now)
{
	struct port_search search;
	struct flow_key answer;
	__u32 closing = NO_PORT;
	enum claim result;
	__u16 port;

	flow_answer_key(&answer, flow);
	port_search(&search, &p->key);
	for (__u32 n = 0; n <= PORT_PROBES && n <= search.count; n++) {
		if (!port_at(&search, n, &port))
			continue;
		result = claim_port(skb, p, flow, &answer, c, port, now);
		if (result == CLAIMED || result == CLAIM_ADOPTED || result == CLAIM_FAILED)
			return result;
		if (result == CLAIM_CLOSING && closing == NO_PORT)
			closing = port;
	}
	if (closing == NO_PORT)
		return CLAIM_BUSY;
	return claim_from_closing(skb, p, flow, &answer, c, closing, now);
}

/* Gives a record back that nobody can have found. */
static __always_inline void record_release(struct flow *flow, __u32 slot)
{
	struct flow_table *table = flow_table();

	flow->state = FLOW_FREE;
	if (table)
		__sync_fetch_and_add(&table->used, -1);
	bpf_map_push_elem(&pp_flow_free, &slot, 0);
}

/*
 * The forward entry. One that is there already may be of a living flow, made by another CPU with
 * another port: that one wins. Or it is void: written over.
 */
static __always_inline enum stat enter_forward(struct packet *p, struct creation *c, __u32 now)
{
	struct flow_ref own = c->flow, other;

	if (!bpf_map_update_elem(&pp_flow_fwd, &p->key, &own, BPF_NOEXIST))
		return NO_DROP;
	if (flow_find(&pp_flow_fwd, &p->key, &other, now)) {
		if (other.slot != own.slot || other.generation != own.generation)
			flow_remove(own.slot, own.generation, STAT_FLOW_ADOPTED);
		c->flow = other;
		return NO_DROP;
	}
	if (!bpf_map_update_elem(&pp_flow_fwd, &p->key, &own, BPF_ANY))
		return NO_DROP;
	flow_remove(own.slot, own.generation, STAT_FLOW_EVICTED);
	return STAT_INSERT;
}

/* Makes the flow that @p opens, or finds it made; NO_DROP, or why not. */
__noinline int flow_create(struct __sk_buff *skb, struct packet *p, struct creation *c)
{
	__u32 now = clock_units(), slot = 0;
	struct flow *flow;
	enum claim result;

	if (!p || !c)
		return STAT_INSERT;
	if (!masq_address(skb, p, &c->address))
		return STAT_NO_ADDRESS;
	if (!slot_find(&slot, now))
		return STAT_TABLE_FULL;
	flow = flow_at(slot);
	if (!flow)
		return STAT_TABLE_FULL;
	c->flow.slot = slot;
	c->flow.generation = record_fill(flow, p, c, now);
	result = claim_any(skb, p, flow, c, now);
	if (result == CLAIMED) {
		count_flow(STAT_FLOW_CREATED);
		return enter_forward(p, c, now);
	}
	record_release(flow, slot);
	if (result == CLAIM_ADOPTED) {
		count_flow(STAT_FLOW_ADOPTED);
		return enter_forward(p, c, now);
	}
	if (result == CLAIM_FAILED)
		return STAT_INSERT;
	return has_masq_port(p->key.protocol) ? STAT_NO_PORT : STAT_TAKEN;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Flow records: validity, and updates by packets. */
#ifndef PP_FLOW_BPF_H
#define PP_FLOW_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"
#include "maps/flows.bpf.h"

/* State and generation as the single word that compare-and-swap works on. */
union flow_word {
	struct {
		enum flow_state state;
		__u32 generation;
	};
	__u64 word;
};

static __always_inline bool flow_swap(struct flow *flow, __u32 generation, enum flow_state from,
				      enum flow_state to)
{
	union flow_word before = { { from, generation } }, after = { { to, generation } };

	return __sync_val_compare_and_swap((__u64 *)flow, before.word, after.word) == before.word;
}

static __always_inline struct flow *flow_at(__u32 slot)
{
	return bpf_map_lookup_elem(&pp_flows, &slot);
}

static __always_inline bool key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return addr_equal(&a->source, &b->source) && addr_equal(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port &&
	       a->protocol == b->protocol;
}

static __always_inline void key_reverse(struct flow_key *to, const struct flow_key *key)
{
	to->source = key->destination;
	to->destination = key->source;
	to->source_port = key->destination_port;
	to->destination_port = key->source_port;
	to->protocol = key->protocol;
}

/* Reverses a key in place. */
static __always_inline void key_swap(struct flow_key *key)
{
	struct addr source = key->source;
	__u16 port = key->source_port;

	key->source = key->destination;
	key->destination = source;
	key->source_port = key->destination_port;
	key->destination_port = port;
}

/* The key of the flow in pp_flow_rev. */
static __always_inline void flow_reply_key(struct flow_key *to, const struct flow *flow)
{
	key_reverse(to, &flow->forward);
	to->destination = flow->masq_address;
	to->destination_port = flow->masq_port;
}

/* Not expired, and its pod still exists. */
static __always_inline bool flow_is_current(const struct flow *flow, __u32 now)
{
	struct pod *pod;

	if (now > flow->expires)
		return false;
	pod = pod_at(flow->pod);
	return pod && pod->generation == flow->pod_generation;
}

/*
 * Whether the record is still the one that a reference of @generation was made for; check again
 * after reading its fields.
 */
static __always_inline bool flow_is_valid(const struct flow *flow, __u32 generation)
{
	return *(volatile __u32 *)&flow->generation == generation &&
	       *(volatile __u32 *)&flow->state > FLOW_DYING;
}

/*
 * The same after an index entry was added for the record: a CPU that ended the flow meanwhile may
 * have missed the entry. The full barrier makes sure that one of the two sees the other's change.
 */
static __always_inline bool flow_is_valid_fenced(struct flow *flow, __u32 generation)
{
	union flow_word now = { .word = __sync_fetch_and_add((__u64 *)flow, 0) };

	return now.generation == generation && now.state > FLOW_DYING;
}

static __always_inline __u32 timeout_of(enum flow_state state)
{
	__u32 index = state;

	barrier_var(index);
	return index < FLOW_STATES ? cfg.timeout[index] : 0;
}

/*
 * TCP state from all flags seen. Established: outside answered with a SYN, or with anything if
 * tracking started mid-connection. Packets from outside alone never close a flow, because anyone
 * can forge a RST: the pod must have sent a RST or FIN too. A SYN from the pod restarts the flow. A
 * pod that continues after a RST from outside has not accepted it, so it is forgotten.
 */
static __always_inline enum flow_state tcp_state(enum flow_state state, __u8 *sent, __u8 *received,
						 __u8 flags, bool out)
{
	if (!out) {
		*received |= flags;
	} else {
		if ((state == FLOW_CLOSING || *received & TCP_RST) &&
		    (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
			*sent = *received = 0;
		if (!(flags & TCP_RST))
			*received &= ~TCP_RST;
		*sent |= flags;
	}
	if (*sent & TCP_RST || (*sent & TCP_FIN && *received & (TCP_FIN | TCP_RST)))
		return FLOW_CLOSING;
	if (*received & TCP_SYN || (!(*sent & TCP_SYN) && *received & TCP_ACK))
		return FLOW_ESTABLISHED;
	return FLOW_SYN;
}

/* Initial state of a flow that @p opens. */
static __always_inline enum flow_state first_state(const struct packet *p)
{
	switch (p->key.protocol) {
	case PROTOCOL_TCP:
		return FLOW_SYN;
	case PROTOCOL_UDP:
		return FLOW_UNREPLIED;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return FLOW_QUERY;
	default:
		return FLOW_OTHER;
	}
}

/*
 * Timeout of a TCP flow. A RST from the pod leaves no TIME_WAIT at the other end, and no state at
 * all for a SYN. A RST from outside may be forged: a reply to a SYN still gets time to arrive, and
 * an established connection gets the four minutes of RFC 7857 for the pod to continue.
 */
static __always_inline __u32 tcp_timeout(enum flow_state before, enum flow_state state, __u8 sent,
					 __u8 received)
{
	if (state == FLOW_CLOSING && sent & TCP_RST)
		return before == FLOW_SYN ? 0 : cfg.reset_timeout;
	if (!(received & TCP_RST) || state == FLOW_CLOSING)
		return timeout_of(state);
	if (state == FLOW_ESTABLISHED)
		return cfg.transitory_timeout;
	return sent & TCP_SYN ? cfg.reset_timeout : timeout_of(state);
}

/*
 * UDP state: the first reply makes it an exchange; a packet of the pod more than 2 s after the
 * first makes it a stream.
 */
static __always_inline enum flow_state udp_state(enum flow_state state, __u16 began, bool out,
						 __u32 now)
{
	if (state == FLOW_UNREPLIED && !out)
		return FLOW_REPLIED;
	if (state == FLOW_REPLIED && out && (__u16)(now - began) > cfg.stream_after)
		return FLOW_STREAM;
	return state;
}

/* Updates the flow for @p. Unchanged fields are not written, so that their cache line stays shared. */
static __always_inline void flow_update(struct flow *flow, __u32 generation, const struct packet *p,
					bool out, __u32 now)
{
	enum flow_state state = flow->state, next = state;
	__u8 sent = flow->sent, received = flow->received;
	__u32 expires = now;

	if (p->key.protocol == PROTOCOL_TCP) {
		next = tcp_state(state, &sent, &received, p->tcp_flags, out);
		expires += tcp_timeout(state, next, sent, received);
	} else {
		next = udp_state(state, flow->began, out, now);
		expires += timeout_of(next);
	}
	if (sent != flow->sent)
		flow->sent = sent;
	if (received != flow->received)
		flow->received = received;
	if (expires != flow->expires)
		flow->expires = expires;
	if (next != state)
		flow_swap(flow, generation, state, next);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Egress of packets with a pod's source. Each one keeps its address because its destination or its
 * pod is excluded, or is translated, or is dropped with a reason. Pod addresses never leak.
 */
#ifndef PP_MASQUERADE_BPF_H
#define PP_MASQUERADE_BPF_H

#include "bpf/flow_create.bpf.h"
#include "bpf/frag_id.bpf.h"
#include "bpf/fragment.bpf.h"
#include "bpf/icmp_error.bpf.h"
#include "bpf/inbound.bpf.h"
#include "bpf/local.bpf.h"
#include "bpf/native.bpf.h"

/* Lets other programs of the same hook run. */
#define PASS TC_ACT_UNSPEC

/* Word of skb->cb in which pp_masquerade tells pp_masquerade_slow that it has found no flow. */
#define CB_NEW_FLOW 2

/* Sets the translation of a packet that leaves; false: the record has been reused. */
static __always_inline bool nat_rewrite(struct rewrite *r, const struct flow *flow, __u32 generation)
{
	r->address = flow->masq_address;
	r->port = flow->masq_port;
	return flow_is_valid(flow, generation);
}

/*
 * Whether the packet needs an identification that is unique on the node: a fragment, or a packet
 * that a router may fragment.
 */
static __always_inline bool needs_id(const struct packet *p)
{
	return p->flags & (PACKET_FRAGMENT | PACKET_MAY_FRAGMENT);
}

/* Translates by the current flow in @slot; p->masq_id is set if needed. */
__noinline int masquerade_packet(struct __sk_buff *skb, struct packet *p, __u32 slot, __u32 generation)
{
	struct rewrite r = { .side = NAT_SOURCE };
	struct flow *flow = flow_at(slot);

	if (!p || !flow || !nat_rewrite(&r, flow, generation))
		return drop(skb, STAT_INSERT);
	if (!(p->flags & PACKET_FRAGMENT_LATER))
		flow_update(flow, generation, p, true, clock_units());
	if (!rewrite(skb, p, &r) || (needs_id(p) && rewrite_id(skb, p)))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_OUT_MASQUERADED, PASS);
}

/* Whether the packet of the pod in @slot is excluded from masquerade, whatever its connection. */
__noinline int packet_is_excluded(struct packet *p, __u32 slot)
{
	struct pod *pod = pod_at(slot);

	return p && pod && is_excluded(&p->key.destination, p->family, pod);
}

/* Whether a packet without a flow may open one: NO_DROP or the reason of the drop. */
static __always_inline enum stat check_new_flow(const struct packet *p)
{
	switch (p->key.protocol) {
	case PROTOCOL_TCP:
		/* all but RST and SYN-ACK: an existing connection may have lost its flow */
		return p->tcp_flags & TCP_RST || (p->tcp_flags & TCP_SYN && p->tcp_flags & TCP_ACK) ?
			       STAT_NO_FLOW : NO_DROP;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		if (p->flags & PACKET_ECHO_REQUEST)
			return NO_DROP;
		return p->flags & PACKET_ECHO_REPLY ? STAT_NO_FLOW : STAT_ICMP_TYPE;
	case PROTOCOL_UDP:
		return NO_DROP;
	default:
		if (!is_portless(p->key.protocol))
			return STAT_PROTOCOL;
		return cfg.portless ? NO_DROP : STAT_PORTLESS;
	}
}

/* Treats a later fragment like the first of its datagram. */
static __always_inline int later_fragment_out(struct __sk_buff *skb, struct packet *p, __u32 slot)
{
	struct frag frag = {};
	bool known = fragment_find(p, &frag);
	struct flow *flow = known && frag.masqueraded ? flow_at(frag.flow.slot) : NULL;

	if (flow && flow_is_current(flow, clock_units()) &&
	    addr_equal(&flow->forward.source, &p->key.source)) {
		p->masq_id = frag.id;
		return masquerade_packet(skb, p, frag.flow.slot, frag.flow.generation);
	}
	if ((known && !frag.masqueraded) || packet_is_excluded(p, slot))
		return count(skb, STAT_OUT_NATIVE, PASS);
	return drop(skb, STAT_FRAGMENT);
}

static __always_inline int leave_native(struct __sk_buff *skb, struct packet *p, enum stat stat)
{
	if (p->flags & PACKET_FRAGMENT)
		fragment_record(p, NO_FLOW, 0);
	return count(skb, stat, PASS);
}

/* A complete packet or first fragment of @pod in @slot, with unknown flow. */
static __always_inline int connection_out(struct __sk_buff *skb, struct scratch *s,
					  const struct pod *pod, __u32 slot)
{
	struct creation *c = &s->creation;
	struct packet *p = &s->packet;
	__u32 now = clock_units();
	enum stat reason;

	/* other ICMP types share the key of an echo request with identifier 0 */
	if (skb->cb[CB_NEW_FLOW] || p->flags & (PACKET_ECHO_REPLY | PACKET_ICMP_OTHER) ||
	    !flow_find(&p->key, FLOW_FORWARD, &c->flow, now)) {
		if (!is_masq_cached(skb, slot, pod->generation) && packet_is_excluded(p, slot)) {
			native_conn_record(p, pod->generation);
			return leave_native(skb, p, STAT_OUT_NATIVE);
		}
		if (continues_connection(p, pod->generation, now))
			return leave_native(skb, p, STAT_OUT_INBOUND);
		c->pod = slot;
		c->pod_generation = pod->generation;
		reason = check_new_flow(p);
		if (reason == NO_DROP)
			reason = flow_create(skb);
		if (reason != NO_DROP)
			return drop(skb, reason);
		native_conns_forget(p);
	}
	if (needs_id(p) && !frag_id_choose(p, slot, pod->generation, skb->gso_segs))
		return drop(skb, STAT_FRAGMENT_ID);
	if (p->flags & PACKET_FRAGMENT)
		fragment_record(p, c->flow.slot, c->flow.generation);
	return masquerade_packet(skb, p, c->flow.slot, c->flow.generation);
}

enum quoted {
	QUOTED_TRANSLATED,
	QUOTED_UNKNOWN,
	QUOTED_MALFORMED,
	QUOTED_FAILED,
};

/*
 * Translates the ICMP error in scratch(), which goes outside and quotes a packet that a pod
 * received: the quoted packet and, if that pod and not the node sent the error, its source.
 */
__noinline int icmp_error_out(struct __sk_buff *skb)
{
	struct rewrite r = { .side = NAT_DESTINATION };
	struct scratch *s = scratch();
	struct flow_ref ref;
	struct flow *flow;
	bool around;

	if (!s || !quoted_parse(skb, &s->packet, quoted_new(s)))
		return QUOTED_MALFORMED;
	if (s->quoted.flags & PACKET_ECHO_REQUEST)
		return QUOTED_UNKNOWN; /* sent from outside to the pod: not a flow of the pod's */
	flow = flow_find(&s->quoted.key, FLOW_FORWARD, &ref, clock_units());
	if (!flow || !nat_rewrite(&r, flow, ref.generation))
		return QUOTED_UNKNOWN;
	around = addr_equal(&s->packet.key.source, &s->quoted.key.source);
	return icmp_error_rewrite(skb, &s->packet, &s->quoted, &r, around) ? QUOTED_TRANSLATED :
									     QUOTED_FAILED;
}

/* Whether the error quotes an inbound connection of its sender and goes to the other side of it. */
static __always_inline bool quotes_inbound(const struct scratch *s, __u32 generation)
{
	const struct flow_key *reply = &s->quoted.key, *key = &s->packet.key;

	return addr_equal(&reply->source, &key->source) &&
	       addr_equal(&reply->destination, &key->destination) &&
	       inbound_is_current(bpf_map_lookup_elem(&pp_inbound, reply), generation,
				  clock_units());
}

/* An ICMP error of a pod: only about its own connections. */
static __always_inline int pod_icmp_error_out(struct __sk_buff *skb, struct scratch *s,
					      const struct pod *pod, __u32 slot)
{
	switch (icmp_error_out(skb)) {
	case QUOTED_TRANSLATED:
		return addr_equal(&s->quoted.key.source, &s->packet.key.source) ?
			       count(skb, STAT_OUT_MASQUERADED, PASS) : drop(skb, STAT_ICMP_ERROR);
	case QUOTED_UNKNOWN:
		if (addr_equal(&s->quoted.key.source, &s->packet.key.source) &&
		    packet_is_excluded(&s->packet, slot))
			return count(skb, STAT_OUT_NATIVE, PASS);
		if (quotes_inbound(s, pod->generation))
			return count(skb, STAT_OUT_INBOUND, PASS);
		return drop(skb, STAT_ICMP_ERROR);
	case QUOTED_FAILED:
		return drop(skb, STAT_REWRITE);
	default:
		return drop(skb, STAT_ICMP_ERROR);
	}
}

/* Packet that is neither a pod's nor an ICMP error: passes unchanged, and conflicting flows of pods end. */
static __always_inline int node_out(struct __sk_buff *skb, const struct packet *p)
{
	struct flow_key key;

	if (!may_collide(p))
		return count(skb, STAT_OUT_OTHER, PASS);
	key = p->key; /* a copy, so that the packet itself can stay in registers */
	return count(skb, node_sends(&key, skb->ingress_ifindex) ? STAT_OUT_HOST_PORT : STAT_OUT_OTHER,
		     PASS);
}

/* Packet that is not a pod's: only the node's own errors about packets of pods are translated. */
static __always_inline int nonpod_out(struct __sk_buff *skb, struct scratch *s)
{
	const struct packet *p = &s->packet;

	if (!(p->flags & (PACKET_ICMP_ERROR | PACKET_FRAGMENT_LATER)))
		return node_out(skb, p);
	if (!(p->flags & PACKET_ICMP_ERROR) || skb->ingress_ifindex)
		return count(skb, STAT_OUT_OTHER, PASS);
	switch (icmp_error_out(skb)) {
	case QUOTED_TRANSLATED:
		return count(skb, STAT_OUT_MASQUERADED, PASS);
	case QUOTED_FAILED:
		return drop(skb, STAT_REWRITE);
	case QUOTED_UNKNOWN:
		node_refuses(&s->quoted.key, clock_units());
		return count(skb, STAT_OUT_OTHER, PASS);
	default:
		return count(skb, STAT_OUT_OTHER, PASS);
	}
}

/* Packets that never leave by an uplink, whichever path they took. */
static __always_inline enum stat check_leaving(const struct packet *p, enum parsed parsed)
{
	enum stat reason = filter_destination(p);

	if (reason != NO_DROP)
		return reason;
	if (addr_is_link_only(&p->key.destination, p->family))
		return STAT_LINK_LOCAL;
	/* a fragment that could overwrite the ports or flags of the first (RFC 3128) */
	if (parsed == PARSED_TINY || (p->offset == 1 && p->key.protocol == PROTOCOL_TCP))
		return STAT_TINY_FRAGMENT;
	return parsed == PARSED ? NO_DROP : STAT_MALFORMED;
}

/* Slow path: all packets except the usual ones of known flows. */
__noinline int masquerade_slow(struct __sk_buff *skb)
{
	struct scratch *s = scratch();
	enum parsed parsed;
	struct packet *p;
	enum stat reason;
	struct pod *pod;
	__u32 slot;

	if (!s)
		return drop(skb, STAT_INSERT);
	p = packet_new(s);
	parsed = parse_rest(skb, p, parse_tagged(skb, p));
	if (parsed == PARSED_NOT_IP)
		return count(skb, STAT_OUT_OTHER, PASS);
	pod = pod_by_ip_cached(&p->key.source, p->family, &slot);
	if (!pod)
		return local_block(&p->key.source) ? drop(skb, STAT_NO_POD) : nonpod_out(skb, s);
	reason = check_leaving(p, parsed);
	if (reason != NO_DROP)
		return drop(skb, reason);
	if (p->flags & PACKET_FRAGMENT_LATER)
		return later_fragment_out(skb, p, slot);
	if (p->flags & PACKET_ICMP_ERROR)
		return pod_icmp_error_out(skb, s, pod, slot);
	return connection_out(skb, s, pod, slot);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ingress: packets to pods' own addresses, and replies to masqueraded flows, whose translation is
 * reversed. A packet that matches neither is the node's: it passes to the stack unchanged.
 */
#ifndef PP_REVERSE_NAT_BPF_H
#define PP_REVERSE_NAT_BPF_H

#include "bpf/flow_cache.bpf.h"
#include "bpf/masquerade.bpf.h"
#include "bpf/neighbour.bpf.h"

/* Sets the reverse translation of a packet that arrives; false: the record has been reused. */
static __always_inline bool reverse_nat_rewrite(struct rewrite *r, const struct flow *flow,
						__u32 generation)
{
	r->address = flow->forward.source;
	r->port = flow->forward.source_port;
	return flow_is_valid(flow, generation);
}

/* Whether the stack must handle the packet: TTL expired, options, or larger than the MTU. */
static __always_inline bool needs_stack(struct __sk_buff *skb, const struct packet *p,
					const struct pod *pod)
{
	return p->ttl <= 1 || p->flags & PACKET_OPTIONS || !fits(skb, p, pod->mtu);
}

/* Delivers a packet that is ready except for its MAC addresses, and counts it. */
static __always_inline int deliver_counted(struct __sk_buff *skb, const struct pod *pod, enum stat stat,
					   __u32 length)
{
	int verdict;

	if (skb->vlan_present) /* a priority tag */
		bpf_skb_vlan_pop(skb);
	verdict = deliver(skb, pod);
	count_length(stat, length);
	return verdict;
}

/*
 * Delivers to a pod's own address. @cached: whether its connection was recorded in this tick; may
 * be NULL.
 */
static __always_inline int to_pod(struct __sk_buff *skb, const struct packet *p, const struct pod *pod,
				  struct cache_entry *cached)
{
	enum stat reason = filter_message(p);
	__u32 length = skb->len;

	if (reason != NO_DROP)
		return drop(skb, reason);
	if (is_nd(p))
		return drop(skb, STAT_ND);
	if (!(p->flags & PACKET_FRAGMENT_LATER) && opens_inbound(p) &&
	    !(cached && cached->inbound_recorded)) {
		struct flow_key reply;

		key_reverse(&reply, &p->key);
		inbound_record(&reply, p->family, pod->generation);
		if (cached)
			cached->inbound_recorded = true;
	}
	if (needs_stack(skb, p, pod))
		return count(skb, STAT_IN_STACK, PASS);
	if (!ttl_decrement(skb, p))
		return drop(skb, STAT_REWRITE);
	return deliver_counted(skb, pod, STAT_IN_POD, length);
}

/*
 * Reverses the translation of the current @flow and delivers. A packet for the stack is translated
 * as well, or the node would refuse it as its own; the stack then routes it to the pod.
 */
static __always_inline int reverse_nat(struct __sk_buff *skb, const struct packet *p,
				       struct flow *flow, __u32 generation)
{
	struct rewrite r = { .side = NAT_DESTINATION };
	struct pod *pod = pod_at(flow->pod);
	__u32 length = skb->len;

	if (!pod || pod->generation != flow->pod_generation ||
	    !reverse_nat_rewrite(&r, flow, generation))
		return count(skb, STAT_IN_OTHER, PASS);
	if (!(p->flags & PACKET_FRAGMENT_LATER))
		flow_update(flow, generation, p, false, clock_units());
	r.hop = !needs_stack(skb, p, pod);
	if (!rewrite(skb, p, &r))
		return drop(skb, STAT_REWRITE);
	return r.hop ? deliver_counted(skb, pod, STAT_IN_REPLY, length) : count(skb, STAT_IN_STACK, PASS);
}

/* Whether the packet can belong to a flow: most packets of the node itself end here. */
static __always_inline bool may_be_reply(const struct packet *p)
{
	return is_masq_key(p->key.protocol, p->key.destination_port, p->flags & PACKET_ECHO_REPLY);
}

/* The same for callers that need the stack space. */
__noinline int reverse_nat_slow(struct __sk_buff *skb, struct packet *p, __u32 slot, __u32 generation)
{
	struct flow *flow = flow_at(slot);

	return p && flow ? reverse_nat(skb, p, flow, generation) : count(skb, STAT_IN_OTHER, PASS);
}

/*
 * Translates the ICMP error in scratch(), which comes from outside and quotes a packet that left
 * masqueraded.
 */
__noinline int icmp_error_in(struct __sk_buff *skb)
{
	struct rewrite r = { .side = NAT_SOURCE };
	struct scratch *s = scratch();
	struct flow_ref ref;
	struct flow *flow;
	struct pod *pod;

	if (!s || !quoted_parse(skb, &s->packet, quoted_new(s)) ||
	    s->quoted.flags & PACKET_ECHO_REPLY ||
	    !addr_equal(&s->quoted.key.destination, &s->packet.key.destination))
		return count(skb, STAT_IN_OTHER, PASS);
	flow = flow_find(&s->quoted.key, FLOW_REPLY, &ref, clock_units());
	pod = flow ? pod_at(flow->pod) : NULL;
	if (!pod || !reverse_nat_rewrite(&r, flow, ref.generation))
		return count(skb, STAT_IN_OTHER, PASS);
	r.hop = !needs_stack(skb, &s->packet, pod);
	if (!icmp_error_rewrite(skb, &s->packet, &s->quoted, &r, true))
		return drop(skb, STAT_REWRITE);
	return r.hop ? deliver_counted(skb, pod, STAT_IN_REPLY, skb->len) :
		       count(skb, STAT_IN_STACK, PASS);
}

/* A complete packet or first fragment whose destination is not a pod's address. */
static __always_inline int reply_in_slow(struct __sk_buff *skb, struct packet *p)
{
	__u32 now = clock_units();
	struct flow_ref ref;

	if (!may_be_reply(p))
		return count(skb, STAT_IN_OTHER, PASS);
	if (!flow_find(&p->key, FLOW_REPLY, &ref, now)) {
		node_receives(&p->key, now);
		return count(skb, STAT_IN_OTHER, PASS);
	}
	if (p->flags & PACKET_FRAGMENT)
		fragment_record(p, ref.slot, ref.generation);
	return reverse_nat_slow(skb, p, ref.slot, ref.generation);
}

static __always_inline int later_fragment_in(struct __sk_buff *skb, struct packet *p)
{
	struct frag frag = {};
	struct flow *flow;

	if (!fragment_find(p, &frag) || !frag.masqueraded)
		return count(skb, STAT_IN_OTHER, PASS);
	flow = flow_at(frag.flow.slot);
	if (!flow || !flow_is_current(flow, clock_units()) ||
	    !addr_equal(&flow->masq_address, &p->key.destination))
		return count(skb, STAT_IN_OTHER, PASS);
	return reverse_nat_slow(skb, p, frag.flow.slot, frag.flow.generation);
}

/* Checks a packet from outside: bogons, local pods' sources, martians to pods, unallocated addresses. */
static __always_inline enum stat check_outside(struct __sk_buff *skb, const struct packet *p,
					       const struct ranges *ranges, const struct pod *pod,
					       bool may_be_pod)
{
	if (is_bogon(&p->key, p->family))
		return STAT_BOGON;
	if (may_be_local(ranges, &p->key.source, p->family) && local_block(&p->key.source))
		return STAT_OUTSIDE_SPOOFED;
	return may_be_pod ? check_outside_destination(skb, skb->ifindex, &p->key, p->family, pod) :
			   NO_DROP;
}

/* Slow path: options, extension headers, fragments, ICMP errors, unreadable packets. */
__noinline int from_net_slow(struct __sk_buff *skb)
{
	struct ranges *ranges = ranges_get();
	struct scratch *s = scratch();
	enum parsed parsed;
	enum stat reason;
	struct packet *p;
	struct pod *pod;
	bool may_be_pod;
	__u32 slot;

	if (!s)
		return count(skb, STAT_IN_OTHER, PASS);
	p = packet_new(s);
	parsed = parse_rest(skb, p, parse(skb, p));
	/* addresses could not be read */
	if (addr_is_zero(&p->key.source) && addr_is_zero(&p->key.destination))
		return count(skb, STAT_IN_OTHER, PASS);
	may_be_pod = may_be_local(ranges, &p->key.destination, p->family);
	pod = may_be_pod ? pod_by_ip(&p->key.destination, &slot) : NULL;
	reason = check_outside(skb, p, ranges, pod, may_be_pod);
	if (reason != NO_DROP)
		return drop(skb, reason);
	/* a broadcast or multicast frame never carries a unicast packet (RFC 1122 3.3.6) */
	if (skb->pkt_type != PACKET_HOST)
		return pod ? drop(skb, STAT_LINK_BROADCAST) : count(skb, STAT_IN_OTHER, PASS);
	if (parsed != PARSED)
		return count(skb, STAT_IN_OTHER, PASS);
	if (pod)
		return to_pod(skb, p, pod, NULL);
	if (p->flags & PACKET_FRAGMENT_LATER)
		return later_fragment_in(skb, p);
	if (p->flags & PACKET_ICMP_ERROR)
		return icmp_error_in(skb);
	return reply_in_slow(skb, p);
}

#endif

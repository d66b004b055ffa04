// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's uplinks. pp_to_net (egress), with the programs it jumps to, is the only place that
 * masquerades, so a pod's address that must not leave never does, whichever path the packet took.
 * pp_from_net (ingress) reverses the masquerade and delivers to pods. Both pass other traffic at once.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/fastpath.bpf.h"
#include "bpf/native_mark.bpf.h"
#include "bpf/reverse_nat.bpf.h"
#include "maps/calls.bpf.h"

char _license[] SEC("license") = "GPL";

/*
 * Verdict that hands the packet over to the slow programs (maps/calls.h). They parse it again: the
 * fast path is fast because nothing that it read is used afterwards.
 */
#define TO_SLOW_PATH (-2)
/* The same, and the packet certainly has no flow. */
#define TO_SLOW_PATH_NEW (-3)

/*
 * The sender of a packet to a destination where pods' addresses are known, such as pods of other
 * nodes; or NULL.
 */
static __always_inline struct pod *native_sender(const struct packet *p, __u32 *slot)
{
	if (filter_destination(p) != NO_DROP || addr_is_link_local(&p->key.destination, p->family) ||
	    !is_native(&p->key.destination))
		return NULL;
	return pod_by_ip(&p->key.source, slot);
}

/* Passes a packet without a flow with its own address, or leaves it to the slow path. */
static __always_inline int native_out(struct __sk_buff *skb, const struct packet *p,
				      struct cache_entry *cached)
{
	int slow = cached->kind == CACHE_NATIVE ? TO_SLOW_PATH : TO_SLOW_PATH_NEW;
	struct pod *pod;
	__u32 slot;

	if (is_pure_syn(p))
		return slow;
	if (!cached_pod(cached, CACHE_NATIVE)) {
		pod = native_sender(p, &slot);
		if (!pod)
			return slow;
		cache_set(cached, CACHE_NATIVE, slot, pod->generation);
	}
	return count(skb, STAT_OUT_NATIVE, PASS);
}

/* The flow of a packet that leaves, from the cache or the index; *generation is the reference's. */
static __always_inline struct flow *flow_out(struct cache_entry *cached, const struct flow_key *key,
					     __u32 *generation, __u32 now)
{
	struct flow *flow = cached_flow(cached, now);
	struct flow_ref ref;

	if (!flow && cached->kind != CACHE_NATIVE) {
		flow = flow_find(key, FLOW_FORWARD, &ref, now);
		if (flow)
			cache_set(cached, CACHE_FLOW, ref.slot, ref.generation);
	}
	*generation = cached->generation;
	return flow;
}

/* Fast path: the node's own packets, and packets of known or unneeded flows without any special case. */
static __always_inline int masquerade_ip(struct __sk_buff *skb, __be16 ethertype)
{
	struct rewrite r = { .side = NAT_SOURCE };
	__u32 now = clock_units(), generation;
	struct cache_entry *cached;
	struct packet p = {};
	struct flow_key key;
	struct flow *flow;

	/* the error may be the node's own about a packet of a pod */
	if (parse_frame(skb, &p, ethertype) != PARSED || p.flags & PACKET_ICMP_ERROR)
		return TO_SLOW_PATH;
	if (!may_be_local(ranges_get(), &p.key.source, p.family))
		return node_out(skb, &p);
	if (p.flags & ~(PACKET_ECHO_REQUEST | PACKET_NO_CHECKSUM | PACKET_MAY_FRAGMENT))
		return TO_SLOW_PATH;
	key = p.key;
	cached = cache_lookup(skb, &key, CACHE_EGRESS);
	if (!cached)
		return TO_SLOW_PATH;
	flow = flow_out(cached, &key, &generation, now);
	if (!flow)
		return native_out(skb, &p, cached);
	if (p.flags & PACKET_MAY_FRAGMENT || !nat_rewrite(&r, flow, generation))
		return TO_SLOW_PATH;
	flow_update(flow, generation, &p, true, now);
	if (!rewrite(skb, &p, &r))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_OUT_MASQUERADED, PASS);
}

static __always_inline int masquerade_fast(struct __sk_buff *skb)
{
	switch (frame_ethertype(skb)) {
	case bpf_htons(ETH_P_IP):
		return masquerade_ip(skb, bpf_htons(ETH_P_IP));
	case bpf_htons(ETH_P_IPV6):
		return masquerade_ip(skb, bpf_htons(ETH_P_IPV6));
	default:
		return TO_SLOW_PATH;
	}
}

SEC("tc")
int pp_masquerade(struct __sk_buff *skb)
{
	int verdict;

	pull_headers(skb);
	verdict = masquerade_fast(skb);
	if (verdict != TO_SLOW_PATH && verdict != TO_SLOW_PATH_NEW)
		return verdict;
	skb->cb[CB_NEW_FLOW] = verdict == TO_SLOW_PATH_NEW;
	bpf_tail_call(skb, &pp_calls, CALL_MASQUERADE_SLOW);
	return drop(skb, STAT_INSERT);
}

SEC("tc")
int pp_masquerade_slow(struct __sk_buff *skb)
{
	pull_all_headers(skb);
	return masquerade_slow(skb);
}

SEC("tc")
int pp_to_net(struct __sk_buff *skb)
{
	if (has_native_mark(skb))
		return count(skb, STAT_OUT_NATIVE, PASS);
	bpf_tail_call(skb, &pp_calls, CALL_MASQUERADE);
	return drop(skb, STAT_INSERT);
}

/*
 * Finds the destination of a packet and stores it in the cache entry; NO_DROP or the reason of the
 * drop. A global function: the verifier checks it once and not for each kind of packet.
 */
__noinline int find_destination(struct __sk_buff *skb, struct packet *p, struct cache_entry *cached)
{
	struct ranges *ranges = ranges_get();
	__u32 now = clock_units();
	struct flow_key key;
	struct flow_ref ref;
	enum stat reason;
	bool may_be_pod;
	struct pod *pod;
	__u32 slot;

	if (!p || !cached)
		return NO_DROP;
	key = p->key; /* 6.1 rejects a global function's argument as a map key */
	may_be_pod = may_be_local(ranges, &key.destination, p->family);
	pod = may_be_pod ? pod_by_ip(&key.destination, &slot) : NULL;
	reason = check_outside(skb, p, ranges, pod, may_be_pod);
	if (reason != NO_DROP)
		return reason;
	if (pod)
		cache_set(cached, CACHE_POD, slot, pod->generation);
	else if (may_be_reply(p) && flow_find(&key, FLOW_REPLY, &ref, now))
		cache_set(cached, CACHE_FLOW, ref.slot, ref.generation);
	else
		node_receives(&key, now);
	return NO_DROP;
}

/* Handles a packet that is neither for a pod's address nor a reply: the node's, or a forbidden source. */
static __always_inline int no_destination(struct __sk_buff *skb, const struct packet *p,
					  const struct ranges *ranges)
{
	enum stat reason = check_outside(skb, p, ranges, NULL, false);

	return reason == NO_DROP ? count(skb, STAT_IN_OTHER, PASS) : drop(skb, reason);
}

/* Finds the flow of a reply if its hint has it and nothing about the source needs a closer look. */
static __always_inline bool hinted_reply(const struct packet *p, const struct ranges *ranges,
					 struct flow_ref *ref)
{
	return may_be_reply(p) && !is_bogon(&p->key, p->family) &&
	       !may_be_local(ranges, &p->key.source, p->family) &&
	       flow_by_hint(&p->key, FLOW_REPLY, ref, clock_units());
}

/* Complete packets: to pods' own addresses, replies to flows, and traffic that is not for pods. */
static __always_inline int from_net_ip(struct __sk_buff *skb, __be16 ethertype)
{
	struct ranges *ranges = ranges_get();
	struct packet p = {}, copy;
	struct cache_entry *cached;
	struct flow_ref ref = {};
	bool is_reply = false;
	struct flow *flow;
	enum stat reason;
	struct pod *pod;

	if (parse_frame(skb, &p, ethertype) != PARSED || p.flags & PACKET_ICMP_ERROR)
		return TO_SLOW_PATH;
	if (!may_be_local(ranges, &p.key.destination, p.family)) {
		if (!may_be_reply(&p))
			return no_destination(skb, &p, ranges);
		is_reply = hinted_reply(&p, ranges, &ref);
	}
	if (!is_reply) {
		cached = cache_lookup(skb, &p.key, CACHE_INGRESS);
		if (!cached)
			return TO_SLOW_PATH;
		if (cached->kind == CACHE_EMPTY) {
			copy = p; /* a copy, so that the packet itself can stay in registers */
			reason = find_destination(skb, &copy, cached);
			if (reason != NO_DROP)
				return drop(skb, reason);
			if (cached->kind == CACHE_EMPTY)
				return count(skb, STAT_IN_OTHER, PASS);
		}
		pod = cached_pod(cached, CACHE_POD);
		if (pod)
			return to_pod(skb, &p, pod, cached);
		/* an echo request with identifier 0 has the key of a reply */
		if (!may_be_reply(&p) || !cached_flow(cached, clock_units()))
			return TO_SLOW_PATH;
		ref.slot = cached->slot;
		ref.generation = cached->generation;
	}
	/* looked up again, so that the verifier follows the rest once */
	flow = flow_at(ref.slot);
	return flow ? reverse_nat(skb, &p, flow, ref.generation) : TO_SLOW_PATH;
}

/*
 * Fast path: established TCP to a pod from a source that is certainly not local; reads no map but
 * the pod's.
 */
static __always_inline int from_net_fast(struct __sk_buff *skb, __be16 ethertype)
{
	struct ranges *ranges = ranges_get();
	__u32 length = skb->len;
	struct packet p = {};
	struct pod *pod;

	if (!parse_fast(skb, &p, ethertype) || p.key.protocol != PROTOCOL_TCP || p.tcp_flags & TCP_SYN)
		return TO_SLOW_PATH;
	/* nearly all others are replies to the node's address */
	if (!may_be_local(ranges, &p.key.destination, p.family))
		return TO_SLOW_PATH;
	pod = pod_cache_lookup(&p.key.destination, p.family);
	if (!pod || is_bogon(&p.key, p.family) || addr_is_link_local(&p.key.source, p.family) ||
	    may_be_local(ranges, &p.key.source, p.family) || may_be_own(ranges, &p.key.source) ||
	    !fits(skb, &p, pod->mtu))
		return TO_SLOW_PATH;
	return ttl_decrement(skb, &p) ? deliver_counted(skb, pod, STAT_IN_POD, length) :
					drop(skb, STAT_REWRITE);
}

static __always_inline int from_net_family(struct __sk_buff *skb, __be16 ethertype)
{
	int verdict = from_net_fast(skb, ethertype);

	return verdict == TO_SLOW_PATH ? from_net_ip(skb, ethertype) : verdict;
}

static __always_inline int from_net_host(struct __sk_buff *skb)
{
	switch (frame_ethertype(skb)) {
	case bpf_htons(ETH_P_IP):
		return from_net_family(skb, bpf_htons(ETH_P_IP));
	case bpf_htons(ETH_P_IPV6):
		return from_net_family(skb, bpf_htons(ETH_P_IPV6));
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		return TO_SLOW_PATH;
	default:
		return count(skb, STAT_IN_OTHER, PASS);
	}
}

/*
 * Whether the frame belongs to a VLAN interface on top of this one. The kernel strips a priority
 * tag, too.
 */
static __always_inline bool is_vlan_frame(struct __sk_buff *skb)
{
	return skb->vlan_present && skb->vlan_tci & VLAN_ID;
}

/*
 * Broadcast and multicast frames: only those with a source or destination that packets of pods may
 * have need checks.
 */
static __always_inline int from_net_multicast(struct __sk_buff *skb)
{
	enum family family = skb->protocol == bpf_htons(ETH_P_IPV6) ? FAMILY_IPV6 : FAMILY_IPV4;
	struct ranges *ranges = ranges_get();
	struct flow_key key = {};

	if (is_vlan(frame_ethertype(skb)))
		return TO_SLOW_PATH;
	if (!frame_addresses(skb, &key.source, &key.destination) ||
	    (!is_bogon(&key, family) && !may_be_local(ranges, &key.source, family) &&
	     !may_be_local(ranges, &key.destination, family)))
		return count(skb, STAT_IN_OTHER, PASS);
	return TO_SLOW_PATH;
}

SEC("tc")
int pp_from_net(struct __sk_buff *skb)
{
	int verdict;

	/* frames of other hosts, and multicast that the node itself sent */
	if (skb->pkt_type > PACKET_MULTICAST || is_vlan_frame(skb))
		return count(skb, STAT_IN_OTHER, PASS);
	pull_headers(skb);
	verdict = skb->pkt_type == PACKET_HOST ? from_net_host(skb) : from_net_multicast(skb);
	if (verdict != TO_SLOW_PATH)
		return verdict;
	bpf_tail_call(skb, &pp_calls, CALL_FROM_NET_SLOW);
	return count(skb, STAT_IN_OTHER, PASS);
}

/*
 * Removes priority tags that the kernel has left in the frame, as it would do later itself; it has
 * already stripped the first one. Frames of VLANs pass unchanged.
 */
static __always_inline int strip_priority_tags(struct __sk_buff *skb)
{
	struct vlan_header {
		struct ethhdr eth;
		__be16 tci;
	} *frame;

	for (int i = 0; i < PRIORITY_TAGS_MAX; i++) {
		frame = (void *)(long)skb->data;
		if (is_vlan_frame(skb))
			return count(skb, STAT_IN_OTHER, PASS);
		if (!is_vlan(frame_ethertype(skb)))
			return TO_SLOW_PATH;
		if ((void *)(frame + 1) > (void *)(long)skb->data_end || vlan_id(frame->tci))
			return count(skb, STAT_IN_OTHER, PASS);
		if (bpf_skb_vlan_pop(skb))
			return drop(skb, STAT_REWRITE);
	}
	if (is_vlan_frame(skb))
		return count(skb, STAT_IN_OTHER, PASS);
	return is_vlan(frame_ethertype(skb)) ? drop(skb, STAT_VLAN) : TO_SLOW_PATH;
}

SEC("tc")
int pp_from_net_slow(struct __sk_buff *skb)
{
	int verdict;

	pull_all_headers(skb);
	verdict = strip_priority_tags(skb);
	return verdict == TO_SLOW_PATH ? from_net_slow(skb) : verdict;
}

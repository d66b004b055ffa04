// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's uplinks. pp_to_net (egress) is the one place that masquerades, so whatever way a packet
 * took, none leaves with a pod's address that must not. pp_from_net (ingress) undoes it and delivers
 * to pods. Both let go at once what is not pods' business.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/unmasquerade.bpf.h"

char _license[] SEC("license") = "GPL";

/* The node's own port in the range that is kept for pods: it works, but `status` tells. */
static __always_inline enum stat own_packet(const struct packet *p)
{
	bool ports = p->key.protocol == PROTOCOL_TCP || p->key.protocol == PROTOCOL_UDP;

	return ports && p->key.source_port >= cfg.port_min && p->key.source_port <= cfg.port_max ?
		       STAT_OUT_HOST_PORT : STAT_OUT_OTHER;
}

/*
 * What is left to the slow functions, under whose stack the common ones' must not be. They read the
 * packet again: the common ones are fast because nothing that was read is used on this way.
 */
#define LEFT (-2)

/* Goes on to where pods' addresses are known: the other nodes' pods above all. */
static __always_inline bool is_native_traffic(const struct packet *p)
{
	__u32 slot;

	return !is_pure_syn(p) && filter_destination(p) == NO_DROP &&
	       !addr_is_link_local(&p->key.destination, p->family) &&
	       is_native(&p->key.destination) && pod_by_ip(&p->key.source, &slot);
}

/* The node's own, or packets of a known flow or of none that needs one, without anything unusual. */
static __noinline int to_net_common(struct __sk_buff *skb)
{
	struct rewrite r = { .end = END_SOURCE };
	__u32 now = clock_units();
	struct packet p = {};
	struct flow_ref ref;
	struct flow_key key;
	struct flow *flow;

	if (parse(skb, &p) != PARSED || p.flags & ~(PACKET_ECHO_REQUEST | PACKET_NO_CHECKSUM))
		return LEFT;
	if (!maybe_local(ranges_get(), &p.key.source, p.family))
		return count(skb, own_packet(&p), PASS);
	key = p.key;
	flow = flow_find(&pp_flow_fwd, &key, &ref, now);
	if (!flow)
		return is_native_traffic(&p) ? count(skb, STAT_OUT_NATIVE, PASS) : LEFT;
	if (!outward(&r, flow, ref.generation))
		return LEFT;
	flow_touch(flow, ref.generation, &p, true, now);
	if (!rewrite(skb, &p, &r))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_OUT_MASQUERADED, PASS);
}

SEC("tc")
int pp_to_net(struct __sk_buff *skb)
{
	int verdict;

	pull_headers(skb);
	verdict = to_net_common(skb);
	if (verdict != LEFT)
		return verdict;
	pull_all_headers(skb);
	return masquerade_slow(skb);
}

/* Whole packets to pods' own addresses and answers to flows; others that are no pod's business. */
static __noinline int from_net_common(struct __sk_buff *skb)
{
	struct ranges *ranges = ranges_get();
	struct packet p = {};
	enum parsed parsed = parse(skb, &p);
	struct flow_key key;
	struct flow_ref ref;
	struct flow *flow;
	enum stat reason;
	struct pod *pod;
	bool maybe_pod;
	__u32 slot;

	if (parsed == PARSED_NOT_IP)
		return count(skb, STAT_IN_OTHER, PASS);
	if (parsed != PARSED || p.flags & PACKET_ICMP_ERROR)
		return LEFT;
	maybe_pod = maybe_local(ranges, &p.key.destination, p.family);
	pod = maybe_pod ? pod_by_ip(&p.key.destination, &slot) : NULL;
	reason = check_outside(&p, ranges, pod, maybe_pod);
	if (reason != NO_DROP)
		return drop(skb, reason);
	if (pod)
		return to_pod(skb, &p, pod);
	key = p.key;
	flow = may_answer(&p) ? flow_find(&pp_flow_rev, &key, &ref, clock_units()) : NULL;
	return flow ? translate_in(skb, &p, flow, ref.generation) : count(skb, STAT_IN_OTHER, PASS);
}

SEC("tc")
int pp_from_net(struct __sk_buff *skb)
{
	int verdict;

	/* other hosts' frames, and those of VLAN interfaces above this one */
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return count(skb, STAT_IN_OTHER, PASS);
	pull_headers(skb);
	verdict = from_net_common(skb);
	if (verdict != LEFT)
		return verdict;
	pull_all_headers(skb);
	return from_net_slow(skb);
}

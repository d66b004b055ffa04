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

#define NOT_COMMON (-2)

/* Goes on to where pods' addresses are known: the other nodes' pods above all. */
static __always_inline bool is_native_traffic(const struct packet *p)
{
	__u32 slot;

	return !is_pure_syn(p) && filter_destination(p) == NO_DROP &&
	       !addr_is_link_local(&p->key.destination, p->family) &&
	       is_native(&p->key.destination) && pod_by_ip(&p->key.source, &slot);
}

/*
 * A packet of a known flow, or of none that needs one, without anything unusual; else NOT_COMMON. A
 * function of its own so that its stack is not under that of masquerade_slow().
 */
static __noinline int masquerade_common(struct __sk_buff *skb)
{
	struct rewrite r = { .end = END_SOURCE };
	__u32 now = clock_units();
	struct packet p = {};
	struct flow_ref ref;
	struct flow_key key;
	struct flow *flow;

	if (parse(skb, &p) != PARSED || p.flags & ~(PACKET_ECHO_REQUEST | PACKET_NO_CHECKSUM))
		return NOT_COMMON;
	key = p.key;
	flow = flow_find(&pp_flow_fwd, &key, &ref, now);
	if (!flow)
		return is_native_traffic(&p) ? count(skb, STAT_OUT_NATIVE, PASS) : NOT_COMMON;
	if (!outward(&r, flow, ref.generation))
		return NOT_COMMON;
	flow_touch(flow, ref.generation, &p, true, now);
	if (!rewrite(skb, &p, &r))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_OUT_MASQUERADED, PASS);
}

SEC("tc")
int pp_to_net(struct __sk_buff *skb)
{
	struct ranges *ranges = ranges_get();
	struct packet p = {};
	enum parsed parsed;
	int verdict;

	pull_headers(skb);
	parsed = parse(skb, &p);
	/* PARSED_NOT_IP: a VLAN's packet perhaps */
	if (parsed != PARSED_NOT_IP && !(p.flags & PACKET_ICMP_ERROR)) {
		if (!maybe_local(ranges, &p.key.source, p.family))
			return count(skb, own_packet(&p), PASS);
		verdict = masquerade_common(skb);
		if (verdict != NOT_COMMON)
			return verdict;
	}
	if (parsed != PARSED || p.flags & PACKET_ICMP_ERROR)
		pull_all_headers(skb);
	return masquerade_slow(skb);
}

SEC("tc")
int pp_from_net(struct __sk_buff *skb)
{
	struct ranges *ranges = ranges_get();
	struct packet p = {};
	enum parsed parsed;

	/* other hosts' frames, and those of VLAN interfaces above this one */
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return count(skb, STAT_IN_OTHER, PASS);
	pull_headers(skb);
	parsed = parse(skb, &p);
	if (parsed == PARSED_NOT_IP)
		return count(skb, STAT_IN_OTHER, PASS);
	if (parsed != PARSED || p.flags & PACKET_ICMP_ERROR) {
		pull_all_headers(skb);
		return from_net_slow(skb);
	}
	if (is_bogon(&p.key, p.family))
		return drop(skb, STAT_BOGON);
	if (!may_answer(&p) && !maybe_local(ranges, &p.key.destination, p.family) &&
	    !maybe_local(ranges, &p.key.source, p.family))
		return count(skb, STAT_IN_OTHER, PASS);
	return from_net_common(skb);
}

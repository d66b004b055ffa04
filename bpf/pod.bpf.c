// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets from pods. Each pod's veth has pp_pod_entry, which only jumps to the node's one
 * pp_from_pod: source check, then redirect to another pod's interface or out by the routing table.
 * Usual packets take the fast path (bpf/fastpath.bpf.h), with the same steps. Unusual ones go to
 * the kernel's stack unchanged. Only the uplinks masquerade.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/checksum.bpf.h"
#include "bpf/count.bpf.h"
#include "bpf/fastpath.bpf.h"
#include "bpf/fib.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/flow_cache.bpf.h"
#include "bpf/icmp_error.bpf.h"
#include "bpf/link_scope.bpf.h"
#include "bpf/native.bpf.h"
#include "bpf/native_mark.bpf.h"
#include "bpf/nomasq.bpf.h"
#include "bpf/parse_slow.bpf.h"
#include "bpf/ranges.bpf.h"
#include "maps/dispatch.bpf.h"

char _license[] SEC("license") = "GPL";

static __always_inline int to_stack(struct __sk_buff *skb)
{
	return count(skb, STAT_POD_STACK, TC_ACT_OK);
}

/*
 * Checks a packet whose destination is not a local pod before it reaches the stack: NO_DROP or the
 * reason of the drop. Without a route lookup the stack would accept loopback (route_localnet) and
 * broadcast as its own. The destination is passed as two words, because a pointer would keep the
 * packet in the caller's stack frame.
 */
__noinline int check_stack(__u64 high, __u64 low, enum family family)
{
	struct addr destination;
	enum stat reason;

	addr_words(&destination)->high = high;
	addr_words(&destination)->low = low;
	reason = filter_address(&destination, family);
	/* IPv6 has no broadcast, and the stack does not forward fe80::/10 */
	if (reason != NO_DROP || family == FAMILY_IPV6)
		return reason;
	if (addr_is_link_only(&destination, family))
		return nomasq_reason(&destination) == NOMASQ_OWN ? NO_DROP : STAT_LINK_LOCAL;
	/* the last of at least four addresses */
	return (addr_byte(&destination, 15) & 3) == 3 &&
	       nomasq_reason(&destination) == NOMASQ_BROADCAST ? STAT_MULTICAST : NO_DROP;
}

/* Passes a packet to the stack: to the node itself, or to a destination that only the stack can reach. */
static __always_inline int via_stack(struct __sk_buff *skb, const struct packet *p)
{
	const struct addr_words *destination = addr_words(&p->key.destination);
	enum stat reason = check_stack(destination->high, destination->low, p->family);

	return reason == NO_DROP ? to_stack(skb) : drop(skb, reason);
}

static __always_inline int to_pod(struct __sk_buff *skb, const struct packet *p, const struct pod *to)
{
	__u32 length = skb->len;
	int verdict;

	if (to->ifindex == skb->ifindex || !fits(skb, p, to->mtu) || p->flags & PACKET_OPTIONS)
		return to_stack(skb);
	if (!ttl_decrement(skb, p))
		return drop(skb, STAT_REWRITE);
	verdict = deliver(skb, to);
	count_length(STAT_POD_LOCAL, length);
	return verdict;
}

static __always_inline int send_routed(struct __sk_buff *skb, const struct packet *p,
				       struct cache_entry *route)
{
	if (!ttl_decrement(skb, p))
		return drop(skb, STAT_REWRITE);
	return count(skb, STAT_POD_ROUTED, fib_send(route->ifindex, &route->hop));
}

int from_pod_slow(struct __sk_buff *skb);

/*
 * Passes the packet in scratch() to the stack, which may forward it, unless it would leave by a
 * device that is not permitted. An encapsulating route would hide the pod's address inside a packet
 * of the node.
 */
__noinline int forward_via_stack(struct __sk_buff *skb)
{
	struct scratch *s = scratch();
	enum forwarding forwarding;

	if (!s)
		return drop(skb, STAT_NO_UPLINK);
	__builtin_memset(&s->fib, 0, sizeof(s->fib));
	forwarding = fib_forward(skb, &s->packet, 1, &s->fib);
	if (forwarding == FORWARD_REFUSED || (forwarding == FORWARD && is_uplink(s->fib.ifindex)) ||
	    may_bypass_uplinks())
		return via_stack(skb, &s->packet);
	return drop(skb, STAT_NO_UPLINK);
}

/*
 * Forwards by the routing table; on the @fast path, a packet that does not leave by an uplink
 * restarts on the slow path.
 */
static __always_inline int to_network(struct __sk_buff *skb, struct packet *p,
				      struct cache_entry *cached, bool fast)
{
	struct bpf_fib_lookup fib = {};

	switch (fib_forward(skb, p, packet_length(skb, p), &fib)) {
	case FORWARD_REFUSED:
		return via_stack(skb, p);
	case FORWARD_VIA_STACK:
		return fast ? from_pod_slow(skb) : forward_via_stack(skb);
	default:
		break;
	}
	if (!is_uplink(fib.ifindex)) {
		if (fast)
			return from_pod_slow(skb);
		if (!may_bypass_uplinks())
			return drop(skb, STAT_NO_UPLINK);
	}
	cached->ifindex = fib.ifindex;
	cached->mtu = fib.mtu_result;
	cached->tos = p->tos;
	fib_next_hop(&fib, &cached->hop);
	return send_routed(skb, p, cached);
}

/*
 * Forwards to a destination that is not a local pod. Fragments and options are left to the stack,
 * which may have to reassemble.
 */
static __always_inline int to_nonlocal(struct __sk_buff *skb, struct packet *p,
				       struct cache_entry *cached, bool slow, bool fast)
{
	enum stat reason = filter_destination(p);

	if (reason != NO_DROP)
		return drop(skb, reason);
	if (addr_is_link_only(&p->key.destination, p->family))
		return via_stack(skb, p);
	return slow ? forward_via_stack(skb) : to_network(skb, p, cached, fast);
}

/*
 * Handles a source that is not the pod's: an IPv6 link-local one may reach only the host's end of
 * the veth.
 */
static __always_inline int from_link_local(struct __sk_buff *skb, const struct packet *p,
					   enum stat reason)
{
	bool local = p->family == FAMILY_IPV6 && addr_is_link_local(&p->key.source, FAMILY_IPV6);

	if (local && addr_is_link_local(&p->key.destination, FAMILY_IPV6))
		return reason == NO_DROP ? to_stack(skb) : drop(skb, reason);
	if ((local && addr_is_multicast(&p->key.destination, FAMILY_IPV6)) || is_dhcp_request(p))
		return drop(skb, STAT_MULTICAST);
	return drop(skb, STAT_SPOOFED);
}

/* Checks the content of a packet from a pod; the packet is scratch()'s. */
static __always_inline enum stat filter_sent(struct __sk_buff *skb, const struct packet *p)
{
	if (quotes_packet(p) && !quotes_sender(skb))
		return STAT_ICMP_ERROR;
	return filter_message(p);
}

/*
 * Leaves a packet with expired TTL to the stack, which reports it, whether the destination is a pod
 * or the node.
 */
static __always_inline int ttl_expired(struct __sk_buff *skb, const struct packet *p)
{
	__u32 slot;

	return pod_by_ip(&p->key.destination, &slot) ? to_stack(skb) : via_stack(skb, p);
}

/*
 * Leaves all packets of a pod with host ports to the stack: netfilter may have to translate its
 * replies, even to local pods.
 */
static __always_inline int all_via_stack(struct __sk_buff *skb, const struct packet *p)
{
	__u32 slot;

	return pod_by_ip(&p->key.destination, &slot) ? to_stack(skb) : forward_via_stack(skb);
}

/*
 * Lets the following tc filters, which belong to the qdisc, direct the packets of a rate-limited
 * pod to its limiter; they reach the stack afterwards.
 */
static __always_inline int via_limiter(int verdict)
{
	return verdict == TC_ACT_OK ? TC_ACT_UNSPEC : verdict;
}

/* Whether pp_to_net would pass this packet of @from unchanged, as it did the last one of its flow. */
static __always_inline bool is_cached_native(const struct packet *p, const struct cache_entry *cached,
					     const struct pod *from)
{
	return cached->kind == CACHE_NATIVE && cached->generation == from->generation &&
	       !(p->tcp_flags & TCP_SYN) &&
	       !(p->flags & ~(PACKET_ECHO_REQUEST | PACKET_NO_CHECKSUM | PACKET_MAY_FRAGMENT));
}

/* Whether the cached route of the flow applies to this packet. */
static __always_inline bool has_cached_route(struct __sk_buff *skb, const struct packet *p,
					     const struct cache_entry *cached)
{
	return cached->ifindex && cached->tos == p->tos && packet_length(skb, p) <= cached->mtu;
}

/*
 * Forwards a packet of a verified sender whose destination is not in the pod cache. @fast: called
 * by from_pod_fast().
 */
static __always_inline int forward(struct __sk_buff *skb, struct packet *p, struct pod *from, bool slow,
				   bool fast)
{
	struct cache_entry *cached = cache_lookup(skb, &p->key, CACHE_EGRESS);
	struct pod *to;
	__u32 slot;

	if (!cached)
		return drop(skb, STAT_MALFORMED);
	if (!slow && has_cached_route(skb, p, cached)) {
		if (is_cached_native(p, cached, from))
			native_mark_set(skb, p);
		return send_routed(skb, p, cached);
	}
	to = may_be_local(ranges_get(), &p->key.destination, p->family) ?
		     pod_by_ip(&p->key.destination, &slot) : NULL;
	return to ? to_pod(skb, p, to) : to_nonlocal(skb, p, cached, slow, fast);
}

/* @slow: options, extension headers or a fragment */
static __always_inline int from_pod(struct __sk_buff *skb, struct packet *p, bool slow)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	enum stat reason = filter_sent(skb, p);
	struct pod *from, *to;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return drop(skb, STAT_MALFORMED);
	from = sender(skb->ifindex, eth->h_source, &p->key.source);
	if (!from)
		return drop(skb, STAT_SPOOFED);
	if (!pod_has(from, &p->key.source, p->family))
		return from_link_local(skb, p, reason);
	if (reason != NO_DROP)
		return drop(skb, reason);
	if (p->ttl <= 1)
		return ttl_expired(skb, p);
	if (from->flags & (POD_BY_STACK | POD_SHAPED)) {
		int verdict = all_via_stack(skb, p);

		return from->flags & POD_SHAPED ? via_limiter(verdict) : verdict;
	}
	to = pod_cache_lookup(&p->key.destination, p->family);
	return to ? to_pod(skb, p, to) : forward(skb, p, from, slow, false);
}

static __always_inline int from_pod_ip(struct __sk_buff *skb, struct packet *p, enum parsed parsed)
{
	switch (parse_rest(skb, p, parsed)) {
	case PARSED:
		if (!header_checksum_valid(skb, p) || !offload_is_valid(skb, p))
			return drop(skb, STAT_MALFORMED);
		if (is_link_scope_message(skb, p))
			return ignore(skb);
		if (!is_nd(p))
			return from_pod(skb, p, parsed == PARSED_SLOW);
		return parsed == PARSED_SLOW ? drop(skb, STAT_ND) : handle_nd(skb);
	case PARSED_TINY:
		return drop(skb, STAT_TINY_FRAGMENT);
	default:
		return drop(skb, STAT_MALFORMED);
	}
}

/* Slow path: all packets that the fast path does not handle, from the start. */
__noinline int from_pod_slow(struct __sk_buff *skb)
{
	struct scratch *s = scratch();
	enum parsed parsed;
	struct packet *p;

	pull_headers(skb);
	if (skb->vlan_present)
		return drop(skb, STAT_VLAN);
	if (!s)
		return drop(skb, STAT_MALFORMED);
	p = packet_new(s);
	parsed = parse(skb, p);
	if (parsed != PARSED_NOT_IP)
		return from_pod_ip(skb, p, parsed);
	return skb->protocol == bpf_htons(ETH_P_ARP) ? handle_arp(skb) : drop(skb, STAT_NOT_IP);
}

static __always_inline bool fast_checksum_valid(struct __sk_buff *skb, __be16 ethertype)
{
	const struct iphdr *ip = (void *)(long)skb->data + sizeof(struct ethhdr);

	if (ethertype != bpf_htons(ETH_P_IP))
		return true;
	return (void *)(ip + 1) <= (void *)(long)skb->data_end && ipv4_checksum_valid(ip);
}

/* Fast path: usual packets of a pod with default MAC and no flags. */
static __always_inline int from_pod_fast(struct __sk_buff *skb, __be16 ethertype)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct packet p = {};
	struct pod *from, *to;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end || !parse_fast(skb, &p, ethertype) ||
	    !fast_checksum_valid(skb, ethertype))
		return from_pod_slow(skb);
	from = pod_at(mac_slot(eth->h_source));
	if (!is_sender(from, skb->ifindex) || !pod_has(from, &p.key.source, p.family) ||
	    from->flags)
		return from_pod_slow(skb);
	to = pod_cache_lookup(&p.key.destination, p.family);
	/* a pod accepts a partial checksum: only the stack and devices complete them */
	if (to)
		return fits(skb, &p, to->mtu) ? to_pod(skb, &p, to) : from_pod_slow(skb);
	if (parse_frame(skb, &p, ethertype) != PARSED || !offload_is_valid(skb, &p))
		return from_pod_slow(skb);
	return forward(skb, &p, from, false, true);
}

SEC("tc")
int pp_from_pod(struct __sk_buff *skb)
{
	switch (skb->vlan_present ? 0 : frame_ethertype(skb)) {
	case bpf_htons(ETH_P_IP):
		return from_pod_fast(skb, bpf_htons(ETH_P_IP));
	case bpf_htons(ETH_P_IPV6):
		return from_pod_fast(skb, bpf_htons(ETH_P_IPV6));
	default:
		return from_pod_slow(skb);
	}
}

SEC("tc")
int pp_pod_entry(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &pp_dispatch, DISPATCH_POD);
	return drop(skb, STAT_NO_PROGRAM);
}

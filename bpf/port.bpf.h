/* SPDX-License-Identifier: GPL-2.0-only */
/* Port candidates of a new flow, and whether the host uses one itself. */
#ifndef PP_PORT_BPF_H
#define PP_PORT_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"

/* With nine of ten ports taken, all but one in 10^12 searches find a free one. */
#define PORT_PROBES 256
/* Probes after which a finished exchange of the same pod is evicted: nothing is lost. */
#define PORT_PROBES_SPARE 64

/*
 * Port search: the pod's own port first, then every stride-th port of the range, from a start that
 * depends on the flow and a secret. Two CPUs that create the same flow probe the same sequence and meet.
 */
struct port_search {
	__u32 min, range;
	__u32 start, stride;
	__u32 own;   /* the pod's port */
	__u32 count; /* ports to try */
};

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

static __always_inline __u64 key_hash(const struct flow_key *key)
{
	__u64 hash = mix(cfg.secret, addr_words(&key->source)->high);

	hash = mix(hash, addr_words(&key->source)->low);
	hash = mix(hash, addr_words(&key->destination)->high);
	hash = mix(hash, addr_words(&key->destination)->low);
	hash = mix(hash, (__u64)key->source_port << 16 | key->destination_port);
	return mix(hash, key->protocol);
}

static __always_inline bool has_masq_port(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_ICMP ||
	       protocol == PROTOCOL_ICMPV6;
}

/*
 * Starts a search. Echo identifiers do not collide with ports: all 65536 are in the range.
 * Protocols with fixed ports try only the pod's own. The stride is a prime above 65536, so it
 * visits every port of any range; both primes are far from multiples of it, or the search would
 * follow the run of ports that a pod took in sequence.
 */
static __always_inline void port_search(struct port_search *search, const struct flow_key *key)
{
	__u64 hash = key_hash(key);
	bool echo = key->protocol == PROTOCOL_ICMP || key->protocol == PROTOCOL_ICMPV6;

	search->min = echo ? 0 : cfg.port_min;
	search->range = echo ? 65536 : cfg.port_max - cfg.port_min + 1;
	search->start = (__u32)hash % search->range;
	search->stride = (hash >> 63 ? 2654435761U : 2246822519U) % search->range;
	search->own = key->source_port;
	search->count = search->range < PORT_PROBES ? search->range : PORT_PROBES;
	if (!has_masq_port(key->protocol))
		search->count = 0;
}

/* The n-th candidate, 0 being the pod's own port; false: skip it. */
static __always_inline bool port_at(const struct port_search *search, __u32 n, __u16 *port)
{
	if (n) {
		*port = search->min + (search->start + (n - 1) * search->stride) % search->range;
		return *port != search->own;
	}
	*port = search->own;
	return !search->count ||
	       (search->own >= search->min && search->own - search->min < search->range);
}

static __always_inline __u32 socket_tuple(struct bpf_sock_tuple *tuple, const struct flow_key *reply,
					  enum family family)
{
	if (family == FAMILY_IPV6) {
		__builtin_memcpy(tuple->ipv6.saddr, &reply->source, sizeof(struct addr));
		__builtin_memcpy(tuple->ipv6.daddr, &reply->destination, sizeof(struct addr));
		tuple->ipv6.sport = bpf_htons(reply->source_port);
		tuple->ipv6.dport = bpf_htons(reply->destination_port);
		return sizeof(tuple->ipv6);
	}
	tuple->ipv4.saddr = addr_ipv4(&reply->source);
	tuple->ipv4.daddr = addr_ipv4(&reply->destination);
	tuple->ipv4.sport = bpf_htons(reply->source_port);
	tuple->ipv4.dport = bpf_htons(reply->destination_port);
	return sizeof(tuple->ipv4);
}

/* Whether a socket of the host would receive @reply. */
__noinline int host_has_port(struct __sk_buff *skb, struct flow_key *reply, enum family family)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock = NULL;
	__u32 size;

	if (!reply)
		return false;
	size = socket_tuple(&tuple, reply, family);
	if (reply->protocol == PROTOCOL_TCP)
		sock = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (reply->protocol == PROTOCOL_UDP)
		sock = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return false;
	bpf_sk_release(sock);
	return true;
}

#endif

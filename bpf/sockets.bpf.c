// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services of sockets: connect() and datagrams to a frontend go to an endpoint, and the socket keeps showing
 * the frontend. No packet is ever rewritten. Attached to a cgroup while there are services.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/nomasq.bpf.h"
#include "bpf/service.bpf.h"
#include "maps/flows.h"

char _license[] SEC("license") = "GPL";

#define ACCEPT 1
#define REJECT 0
#define ECONNREFUSED 111
#define EHOSTUNREACH 113
#define SOCK_STREAM 1
#define PROTOCOL_MPTCP 262
#define TRIES 2 /* a frontend may become another service's between two loads */

const volatile struct sockets_config config;

struct end {
	struct addr address;
	__u16 port;
};

static __always_inline void end_read(const struct bpf_sock_addr *ctx, bool ipv6, struct end *end)
{
	end->port = bpf_ntohs((__u16)ctx->user_port);
	if (!ipv6) {
		addr_from_ipv4(&end->address, ctx->user_ip4);
		return;
	}
	addr_words(&end->address)->high = (__u64)ctx->user_ip6[1] << 32 | ctx->user_ip6[0];
	addr_words(&end->address)->low = (__u64)ctx->user_ip6[3] << 32 | ctx->user_ip6[2];
}

static __always_inline void end_write(struct bpf_sock_addr *ctx, bool ipv6, const struct addr *address, __u16 port)
{
	ctx->user_port = bpf_htons(port);
	if (!ipv6) {
		ctx->user_ip4 = addr_ipv4(address);
		return;
	}
	ctx->user_ip6[0] = addr_words(address)->high;
	ctx->user_ip6[1] = addr_words(address)->high >> 32;
	ctx->user_ip6[2] = addr_words(address)->low;
	ctx->user_ip6[3] = addr_words(address)->low >> 32;
}

static __always_inline bool is_ipv4(const struct addr *a)
{
	return !addr_words(a)->high && (__u32)addr_words(a)->low == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback(const struct addr *a)
{
	if (is_ipv4(a))
		return (addr_words(a)->low >> 32 & 0xff) == 127;
	return !addr_words(a)->high && addr_words(a)->low == bpf_cpu_to_be64(1);
}

static __always_inline struct service *service_find(const struct end *to, __u8 protocol, bool on_node)
{
	struct service_key key = { .address = to->address, .port = to->port, .protocol = protocol };
	struct service *s = bpf_map_lookup_elem(&pp_services, &key);

	if (s || to->port < config.node_port_min || to->port > config.node_port_max)
		return s;
	/* a pod's loopback addresses are its own */
	if (is_loopback(&to->address) ? !on_node : nomasq_reason(&to->address) != NOMASQ_OWN)
		return NULL;
	addr_words(&key.address)->low = is_ipv4(&to->address) ? bpf_htonl(0xffff) : 0;
	addr_words(&key.address)->high = 0;
	return bpf_map_lookup_elem(&pp_services, &key);
}

static __always_inline __u8 protocol_of(const struct bpf_sock_addr *ctx)
{
	if (ctx->protocol == PROTOCOL_MPTCP && ctx->type == SOCK_STREAM)
		return PROTOCOL_TCP;
	return ctx->protocol == PROTOCOL_TCP || ctx->protocol == PROTOCOL_UDP ? ctx->protocol : 0;
}

static __always_inline void peer_fill(struct socket_peer *peer, const struct end *to, const struct backend *b,
				      __u32 id)
{
	peer->service = to->address;
	peer->service_port = to->port;
	peer->address = b->address;
	peer->port = b->port;
	peer->backend = id;
	peer->generation = b->generation;
}

enum { PASS, CHOSEN, REFUSED, DROPPED };

static __always_inline int find_endpoint(struct bpf_sock_addr *ctx, const struct end *to, struct socket_peer *peer)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);
	bool on_node = cookie == config.netns_cookie;
	__u8 protocol = protocol_of(ctx);

	if (!protocol || (config.hostns_only && !on_node))
		return PASS;
	for (int i = 0; i < TRIES; i++) {
		struct service *s = service_find(to, protocol, on_node);
		struct backend *b;
		struct extent e;
		__u32 id = 0;

		if (!s)
			return PASS;
		e = extent_read(&s->inside);
		if (!e.count)
			return s->flags & SERVICE_DROP_INSIDE ? DROPPED : REFUSED;
		b = choose(s, e, cookie, &id);
		if (!b)
			continue;
		peer_fill(peer, to, b, id);
		return CHOSEN;
	}
	return REFUSED;
}

static __always_inline int reject(int found)
{
	bpf_set_retval(found == DROPPED ? -EHOSTUNREACH : -ECONNREFUSED);
	return REJECT;
}

static __always_inline int on_connect(struct bpf_sock_addr *ctx, bool ipv6)
{
	struct socket_peer peer = {}, *kept;
	struct end to;
	int found;

	end_read(ctx, ipv6, &to);
	found = find_endpoint(ctx, &to, &peer);
	if (found == PASS) {
		/* it may have been connected to a frontend before */
		bpf_sk_storage_delete(&pp_sockets, ctx->sk);
		return ACCEPT;
	}
	if (found != CHOSEN)
		return reject(found);
	kept = bpf_sk_storage_get(&pp_sockets, ctx->sk, &peer, BPF_SK_STORAGE_GET_F_CREATE);
	if (kept)
		*kept = peer;
	end_write(ctx, ipv6, &peer.address, peer.port);
	return ACCEPT;
}

static __always_inline bool is_current(const struct socket_peer *peer)
{
	struct backend *b = bpf_map_lookup_elem(&pp_backends, &peer->backend);

	return b && b->state == BACKEND_ACTIVE && b->generation == peer->generation;
}

/* The endpoint to which the socket has sent before, as long as it is one: a flow does not move. */
static __always_inline bool send_again(struct bpf_sock_addr *ctx, bool ipv6, const struct socket_peers *peers,
				       const struct end *to)
{
	for (int i = 0; i < PEERS; i++) {
		const struct socket_peer *peer = &peers->peer[i];

		if (!peer->port || peer->service_port != to->port || !addr_equal(&peer->service, &to->address) ||
		    !is_current(peer))
			continue;
		end_write(ctx, ipv6, &peer->address, peer->port);
		return true;
	}
	return false;
}

/* In the place of the same frontend, or of the oldest one. */
static __always_inline void peers_add(struct socket_peers *peers, const struct socket_peer *peer)
{
	__u32 place = peers->next % PEERS;

	for (__u32 i = 0; i < PEERS; i++)
		if (peers->peer[i].service_port == peer->service_port &&
		    addr_equal(&peers->peer[i].service, &peer->service))
			place = i;
	if (place == peers->next % PEERS)
		peers->next++;
	peers->peer[place % PEERS] = *peer;
}

static __always_inline int on_send(struct bpf_sock_addr *ctx, bool ipv6)
{
	struct socket_peers *peers = bpf_sk_storage_get(&pp_peers, ctx->sk, 0, 0);
	struct socket_peer peer = {};
	struct end to;
	int found;

	end_read(ctx, ipv6, &to);
	if (peers && send_again(ctx, ipv6, peers, &to))
		return ACCEPT;
	found = find_endpoint(ctx, &to, &peer);
	if (found == PASS)
		return ACCEPT;
	if (found != CHOSEN)
		return reject(found);
	if (!peers)
		peers = bpf_sk_storage_get(&pp_peers, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (peers)
		peers_add(peers, &peer);
	end_write(ctx, ipv6, &peer.address, peer.port);
	return ACCEPT;
}

static __always_inline bool show_service(struct bpf_sock_addr *ctx, bool ipv6, const struct socket_peer *peer,
					 const struct end *from)
{
	if (!peer || peer->port != from->port || !addr_equal(&peer->address, &from->address))
		return false;
	end_write(ctx, ipv6, &peer->service, peer->service_port);
	return true;
}

static __always_inline int on_receive(struct bpf_sock_addr *ctx, bool ipv6)
{
	struct socket_peers *peers;
	struct end from;

	end_read(ctx, ipv6, &from);
	if (show_service(ctx, ipv6, bpf_sk_storage_get(&pp_sockets, ctx->sk, 0, 0), &from))
		return ACCEPT;
	peers = bpf_sk_storage_get(&pp_peers, ctx->sk, 0, 0);
	for (int i = 0; peers && i < PEERS; i++)
		if (show_service(ctx, ipv6, &peers->peer[i], &from))
			break;
	return ACCEPT;
}

static __always_inline int on_getpeername(struct bpf_sock_addr *ctx, bool ipv6)
{
	struct end peer;

	end_read(ctx, ipv6, &peer);
	show_service(ctx, ipv6, bpf_sk_storage_get(&pp_sockets, ctx->sk, 0, 0), &peer);
	return ACCEPT;
}

static __always_inline bool is_node_port(__u16 port, __u8 protocol, bool ipv6)
{
	struct service_key key = { .port = port, .protocol = protocol };

	addr_words(&key.address)->low = ipv6 ? 0 : bpf_htonl(0xffff);
	return bpf_map_lookup_elem(&pp_services, &key);
}

/* A process of the node cannot have a port that leads elsewhere. A socket of :: has IPv4 too. */
static __always_inline int on_bind(struct bpf_sock *ctx, bool ipv6)
{
	__u16 port = ctx->src_port;

	if (port < config.node_port_min || port > config.node_port_max ||
	    bpf_get_netns_cookie(ctx) != config.netns_cookie)
		return ACCEPT;
	if (is_node_port(port, ctx->protocol, false) || (ipv6 && is_node_port(port, ctx->protocol, true)))
		return REJECT;
	return ACCEPT;
}

#define HOOK(name, section, context, body)             \
	SEC("cgroup/" section "4")                     \
	int pp_##name##4(struct context *ctx)          \
	{                                              \
		return body(ctx, false);               \
	}                                              \
	SEC("cgroup/" section "6")                     \
	int pp_##name##6(struct context *ctx)          \
	{                                              \
		return body(ctx, true);                \
	}

HOOK(connect, "connect", bpf_sock_addr, on_connect)
HOOK(send, "sendmsg", bpf_sock_addr, on_send)
HOOK(receive, "recvmsg", bpf_sock_addr, on_receive)
HOOK(getpeername, "getpeername", bpf_sock_addr, on_getpeername)
HOOK(post_bind, "post_bind", bpf_sock, on_bind)

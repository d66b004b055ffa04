/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's own traffic takes precedence over flows of pods: a packet of the node with a key that
 * a flow could have ends that flow, and keeps pods from claiming the key while the node uses it
 * (maps/node_conns.h).
 */
#ifndef PP_NODE_CONN_BPF_H
#define PP_NODE_CONN_BPF_H

#include "bpf/expiry.bpf.h"
#include "bpf/flow_remove.bpf.h"
#include "maps/node_conns.bpf.h"

static __always_inline bool is_portless(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_SCTP: /* its checksum covers the ports, which therefore stay */
	case PROTOCOL_GRE:
	case PROTOCOL_ESP:
	case PROTOCOL_IPIP:
	case PROTOCOL_IPV6:
	case PROTOCOL_L2TP:
		return true;
	default:
		return false;
	}
}

/* Whether a flow can have such a key: @port is the node's, @echo: it is an identifier. */
static __always_inline bool is_masq_key(enum protocol protocol, __u16 port, bool echo)
{
	switch (protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_UDP:
		return port >= cfg.port_min && port <= cfg.port_max;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return echo;
	default:
		return cfg.portless && is_portless(protocol);
	}
}

/*
 * Whether a reply to @p, sent by the node, could match a flow of a pod. A RST gets no reply: the
 * stack sends it to anyone who tries a port of the range, which does not use the port.
 */
static __always_inline bool may_collide(const struct packet *p)
{
	if (p->key.protocol == PROTOCOL_TCP && p->tcp_flags & TCP_RST)
		return false;
	return is_masq_key(p->key.protocol, p->key.source_port, p->flags & PACKET_ECHO_REQUEST);
}

static __always_inline bool has_ports(enum protocol protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
}

static __always_inline bool node_conn_is_current(const struct flow_key *reply, __u32 now)
{
	struct expiries *expiries = expiries_get();
	struct node_conn *conn;

	if (expiries && has_ports(reply->protocol) && now > expiries->node_conns)
		return false;
	conn = bpf_map_lookup_elem(&pp_node_conns, reply);
	return conn && now <= conn->expires && conn->origin != NODE_CONN_REFUSED;
}

static __always_inline void node_conn_record(const struct flow_key *reply, __u32 now,
					     enum node_conn_origin origin)
{
	struct node_conn *conn = bpf_map_lookup_elem(&pp_node_conns, reply);
	struct node_conn fresh = { .expires = now + NODE_CONN_HOLD, .origin = origin };
	struct expiries *expiries = expiries_get();

	if (expiries && has_ports(reply->protocol))
		expiry_raise(&expiries->node_conns, fresh.expires);
	if (!conn) {
		bpf_map_update_elem(&pp_node_conns, reply, &fresh, BPF_ANY);
		return;
	}
	/* a received packet changes neither a sent entry nor, for a while, a refused one */
	if (origin == NODE_CONN_RECEIVED && now <= conn->expires) {
		if (conn->origin == NODE_CONN_REFUSED)
			return;
		origin = conn->origin;
	}
	if (conn->expires != fresh.expires)
		conn->expires = fresh.expires;
	if (conn->origin != origin)
		conn->origin = origin;
}

/* Ends the flow of @reply, unless it belongs to the pod behind @ifindex; returns whether it did. */
static __always_inline bool flow_yield(const struct flow_key *reply, __u32 ifindex, __u32 now)
{
	struct flow_ref ref;
	struct flow *flow = flow_find(reply, FLOW_REPLY, &ref, now);
	struct pod *pod = flow ? pod_at(flow->pod) : NULL;

	/* a masqueraded packet passes a second uplink, e.g. the parent of a VLAN */
	if (!pod || (ifindex && pod->ifindex == ifindex))
		return false;
	return flow_remove(ref.slot, ref.generation, STAT_FLOW_YIELDED);
}

/*
 * A packet of may_collide() leaves that is not a pod's: @key takes precedence. @ifindex: where it
 * came from; 0: the node itself. Costs one lookup, except once per clock unit. True: the node
 * itself uses a port of the range.
 */
__noinline int node_sends(struct flow_key *key, __u32 ifindex)
{
	__u32 now = clock_units();
	struct flow_key reply;
	struct node_conn *conn;

	if (!key)
		return false;
	key_reverse(&reply, key);
	if (ifindex) {
		if (flow_yield(&reply, ifindex, now))
			node_conn_record(&reply, now, NODE_CONN_FORWARDED);
		return false;
	}
	conn = bpf_map_lookup_elem(&pp_node_conns, &reply);
	if (!conn || conn->expires != now + NODE_CONN_HOLD || conn->origin != NODE_CONN_SENT) {
		/* recorded first: another CPU that is about to claim the key then finds the entry */
		node_conn_record(&reply, now, NODE_CONN_SENT);
		flow_yield(&reply, 0, now);
	}
	return has_ports(reply.protocol);
}

/*
 * A packet with @reply's key arrived that does not belong to a flow. Without ports it may belong to
 * a tunnel of the node: pods do not get what its peer sends next.
 */
static __always_inline void node_receives(const struct flow_key *reply, __u32 now)
{
	if (cfg.portless && is_portless(reply->protocol))
		node_conn_record(reply, now, NODE_CONN_RECEIVED);
}

/*
 * The node's own ICMP error quotes a packet without ports; @key is the key of its reply. The node
 * does not use the protocol, so a pod may, above all one that continues after its flow has ended.
 */
static __always_inline void node_refuses(const struct flow_key *key, __u32 now)
{
	struct node_conn *conn;
	struct flow_key reply;

	if (!cfg.portless || !is_portless(key->protocol))
		return;
	key_reverse(&reply, key);
	conn = bpf_map_lookup_elem(&pp_node_conns, &reply);
	if (!conn || (conn->origin != NODE_CONN_RECEIVED && conn->origin != NODE_CONN_REFUSED))
		return;
	conn->origin = NODE_CONN_REFUSED;
	conn->expires = now + NODE_CONN_REFUSED_HOLD;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's own traffic wins over pods' flows: what it sends with a key that a flow could have ends
 * that flow, and keeps pods from claiming the key while the node uses it (maps/node_conns.h).
 */
#ifndef PP_NODE_CONN_BPF_H
#define PP_NODE_CONN_BPF_H

#include "bpf/flow_remove.bpf.h"
#include "maps/node_conns.bpf.h"

static __always_inline bool is_portless(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_SCTP: /* its checksum covers the ports, so they stay */
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

/* Whether flows have such keys: @port is that of the node's side, @echo: it is an identifier. */
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
 * Whether an answer to @p, sent by the node, could be taken for one to a pod's flow. A RST has none:
 * the node's stack sends it to whoever tries a port of the range, and uses no port by that.
 */
static __always_inline bool may_collide(const struct packet *p)
{
	if (p->key.protocol == PROTOCOL_TCP && p->tcp_flags & TCP_RST)
		return false;
	return is_masq_key(p->key.protocol, p->key.source_port, p->flags & PACKET_ECHO_REQUEST);
}

static __always_inline bool node_conn_is_current(const struct flow_key *reply, __u32 now)
{
	struct node_conn *conn = bpf_map_lookup_elem(&pp_node_conns, reply);

	return conn && now <= conn->expires && conn->origin != NODE_CONN_REFUSED;
}

static __always_inline void node_conn_record(const struct flow_key *reply, __u32 now,
					     enum node_conn_origin origin)
{
	struct node_conn *conn = bpf_map_lookup_elem(&pp_node_conns, reply);
	struct node_conn fresh = { .expires = now + NODE_CONN_HOLD, .origin = origin };

	if (!conn) {
		bpf_map_update_elem(&pp_node_conns, reply, &fresh, BPF_ANY);
		return;
	}
	/* what comes changes neither what was sent nor, for a while, what was refused */
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

/* Ends the flow that @reply belongs to, unless it is of the pod behind @ifindex; true: it did. */
static __always_inline bool flow_yield(const struct flow_key *reply, __u32 ifindex, __u32 now)
{
	struct flow_ref ref;
	struct flow *flow = flow_find(&pp_flow_rev, reply, &ref, now);
	struct pod *pod = flow ? pod_at(flow->pod) : NULL;

	/* a masqueraded packet passes a second uplink, the one below a VLAN's */
	if (!pod || (ifindex && pod->ifindex == ifindex))
		return false;
	return flow_remove(ref.slot, ref.generation, STAT_FLOW_YIELDED);
}

/*
 * A packet of may_collide() leaves that is no pod's: @key wins. @ifindex: where it came from; 0: the
 * node itself made it. One lookup, but once in each clock unit. True: the node itself uses a port of
 * the range.
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
		/* noted first: a flow that another CPU is about to claim then finds the note */
		node_conn_record(&reply, now, NODE_CONN_SENT);
		flow_yield(&reply, 0, now);
	}
	return reply.protocol == PROTOCOL_TCP || reply.protocol == PROTOCOL_UDP;
}

/*
 * A packet that is no answer to a flow came with @reply's key. One without ports may be of the
 * node's own tunnel: no pod gets what its peer sends next.
 */
static __always_inline void node_receives(const struct flow_key *reply, __u32 now)
{
	if (cfg.portless && is_portless(reply->protocol))
		node_conn_record(reply, now, NODE_CONN_RECEIVED);
}

/*
 * The node's own ICMP error quotes a packet without ports; @key: of its reply. The node does not use
 * it, so a pod may: one that goes on after its flow has ended, above all.
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

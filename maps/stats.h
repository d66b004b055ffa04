/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_stats: verdicts on packets, by name; per CPU, one entry. Each exit of a program adds to exactly one
 * counter, so the sum over a hook's counters is the number of packets that the hook saw.
 */
#ifndef PP_STATS_H
#define PP_STATS_H

#include <linux/types.h>

/* X(ENUM, member, description) */
#define STATS_VERDICTS(X) \
	X(POD_LOCAL, pod_local, "from a pod to a pod of this node") \
	X(POD_ROUTED, pod_routed, "from a pod, forwarded by the routing table") \
	X(POD_STACK, pod_stack, "from a pod, passed to the kernel's stack") \
	X(POD_ANSWERED, pod_answered, "neighbour request from a pod, answered") \
	X(IN_OTHER, in_other, "from outside, not to a pod") \
	X(IN_POD, in_pod, "from outside to a pod's own address") \
	X(IN_REPLY, in_reply, "from outside, masquerade reversed") \
	X(IN_STACK, in_stack, "from outside to a pod, passed to the kernel's stack") \
	X(OUT_OTHER, out_other, "to outside, not from a pod") \
	X(OUT_NATIVE, out_native, "to outside with the pod's own address: native or excluded") \
	X(OUT_INBOUND, out_inbound, "to outside with the pod's own address: connection opened with it") \
	X(OUT_MASQUERADED, out_masqueraded, "to outside, masqueraded") \
	X(OUT_HOST_PORT, out_host_port, "to outside from the node itself, with a port of snat-port-range") \
	X(GUARD_PASS, guard_pass, "passed by the XDP guard") \
	X(POD_IGNORED, pod_ignored, "link-scope message of a pod, ignored")

#define STATS_DROPS(X) \
	X(NOT_IP, not_ip, "neither IP nor ARP") \
	X(VLAN, vlan, "VLAN tag from a pod, or too many tags from outside") \
	X(MALFORMED, malformed, "headers truncated or contradictory") \
	X(SPOOFED, spoofed, "source address is not the pod's") \
	X(ARP, arp, "ARP that only a router or another pod may send") \
	X(ND, nd, "neighbour discovery that only a router or another pod may send") \
	X(DAD, dad, "probe for an address that pinpool assigned") \
	X(DHCP_SERVER, dhcp_server, "DHCP server message from a pod") \
	X(ICMP_REDIRECT, icmp_redirect, "ICMP redirect from a pod") \
	X(SOURCE_ROUTE, source_route, "source route from a pod") \
	X(MULTICAST, multicast, "destination is multicast or broadcast") \
	X(MARTIAN, martian, "destination is not a host address") \
	X(LINK_LOCAL, link_local, "link-local destination that is never forwarded: fe80::/10, the gateway of pods") \
	X(OUTSIDE_SPOOFED, outside_spoofed, "from outside with a source of this node's pods") \
	X(BOGON, bogon, "from outside with a source that is not a host address") \
	X(UNALLOCATED, unallocated, "to an unallocated address of this node") \
	X(NO_POD, no_pod, "from an address of this node without a pod") \
	X(NO_ADDRESS, no_address, "uplink without an address to masquerade as") \
	X(NO_PORT, no_port, "no free port to this destination") \
	X(TABLE_FULL, table_full, "flow table is full") \
	X(INSERT, insert, "flow could not be added to the table") \
	X(TAKEN, taken, "another pod or the node uses this protocol to this destination") \
	X(PROTOCOL, protocol, "protocol that cannot be masqueraded") \
	X(NO_FLOW, no_flow, "reply without a flow") \
	X(ICMP_ERROR, icmp_error, "ICMP error that does not quote a known packet to its sender") \
	X(ICMP_TYPE, icmp_type, "ICMP type that cannot be masqueraded") \
	X(FRAGMENT, fragment, "fragment without its first one") \
	X(TINY_FRAGMENT, tiny_fragment, "first fragment without the ports") \
	X(REWRITE, rewrite, "packet could not be rewritten") \
	X(PORTLESS, portless, "protocol without ports, which masquerade-portless-protocols leaves to the node") \
	X(NO_UPLINK, no_uplink, "needs masquerade, but its route has no attached uplink") \
	X(NO_PROGRAM, no_program, "from a pod whose program is not loaded") \
	X(MARTIAN_SOURCE, martian_source, "from outside to a pod, source is link-local or an address of this node") \
	X(LINK_BROADCAST, link_broadcast, "from outside to a pod in a broadcast or multicast frame") \
	X(FRAGMENT_ID, fragment_id, "no free identification for a fragmented packet")

/* changes of flows, not packets: their bytes stay 0 */
#define STATS_FLOWS(X) \
	X(FLOW_CREATED, flow_created, "flows created") \
	X(FLOW_ADOPTED, flow_adopted, "flows created by two CPUs at once, or again after their index entry was lost") \
	X(FLOW_EVICTED, flow_evicted, "ended flows evicted for a new one") \
	X(FLOW_EXPIRED, flow_expired, "flows removed by age or with their pod") \
	X(FLOW_DISPLACED, flow_displaced, "flows of pods above their fair share, evicted for a new one") \
	X(FLOW_YIELDED, flow_yielded, "flows ended for a connection of the node") \
	X(FLOW_STALE, flow_stale, "flows ended because the node lost their address")

#define STATS(X) STATS_VERDICTS(X) STATS_DROPS(X) STATS_FLOWS(X)

#define STAT_ENUM(name, member, help) STAT_##name,
enum stat {
	STATS(STAT_ENUM)
	STATS_COUNT,
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

/* counter n is that of enum stat n */
#define STAT_MEMBER(name, member, help) struct counter member;
struct stats {
	STATS(STAT_MEMBER)
};

_Static_assert(sizeof(struct stats) == STATS_COUNT * sizeof(struct counter),
	       "one counter for each enum stat");

#endif

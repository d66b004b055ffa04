/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_stats: what became of every packet, by name; per cpu, one entry. Each program's exit adds to
 * exactly one counter, so the sum over a hook's counters is what the hook saw.
 */
#ifndef PP_STATS_H
#define PP_STATS_H

#include <linux/types.h>

/* X(ENUM, member, what it says of the packet) */
#define STATS_VERDICTS(X) \
	X(POD_LOCAL, pod_local, "from a pod to a pod of this node") \
	X(POD_ROUTED, pod_routed, "from a pod, sent on by the routing table") \
	X(POD_STACK, pod_stack, "from a pod, left to the kernel's stack") \
	X(POD_ANSWERED, pod_answered, "from a pod, neighbour request answered") \
	X(IN_OTHER, in_other, "from outside, not for a pod") \
	X(IN_POD, in_pod, "from outside to a pod's own address") \
	X(IN_REPLY, in_reply, "from outside, masquerade undone") \
	X(IN_STACK, in_stack, "from outside for a pod, left to the kernel's stack") \
	X(OUT_OTHER, out_other, "to outside, not from a pod") \
	X(OUT_NATIVE, out_native, "to outside with the pod's own address: native or excluded") \
	X(OUT_INBOUND, out_inbound, "to outside with the pod's own address: a connection that began so") \
	X(OUT_MASQUERADED, out_masqueraded, "to outside, masqueraded") \
	X(OUT_HOST_PORT, out_host_port, "to outside, the node's own from a port of snat-port-range") \
	X(GUARD_PASS, guard_pass, "let through by the XDP guard") \
	X(POD_IGNORED, pod_ignored, "from a pod, of its link alone: ignored")

#define STATS_DROPS(X) \
	X(NOT_IP, not_ip, "neither IP nor ARP") \
	X(VLAN, vlan, "a VLAN tag from a pod, or too many from outside") \
	X(MALFORMED, malformed, "headers cut off or contradictory") \
	X(SPOOFED, spoofed, "source address is not the pod's") \
	X(ARP, arp, "ARP that only a router or another pod may send") \
	X(ND, nd, "neighbour discovery that only a router or another pod may send") \
	X(DAD, dad, "probe for an address that pinpool gave") \
	X(DHCP_SERVER, dhcp_server, "DHCP server's answer from a pod") \
	X(ICMP_REDIRECT, icmp_redirect, "ICMP redirect from a pod") \
	X(SOURCE_ROUTE, source_route, "source route from a pod") \
	X(MULTICAST, multicast, "destination is multicast or broadcast") \
	X(MARTIAN, martian, "destination is no address of a host") \
	X(LINK_LOCAL, link_local, "link-local destination that is never forwarded: fe80::/10, the gateway of pods") \
	X(OUTSIDE_SPOOFED, outside_spoofed, "from outside with a source of this node's pods") \
	X(BOGON, bogon, "from outside with a source that no host has") \
	X(UNALLOCATED, unallocated, "to an address of this node that no pod has") \
	X(NO_POD, no_pod, "from an address of this node that no pod has") \
	X(NO_ADDRESS, no_address, "the uplink has no address to masquerade as") \
	X(NO_PORT, no_port, "no port is free to this destination") \
	X(TABLE_FULL, table_full, "the flow table is full") \
	X(INSERT, insert, "a flow could not be entered in the table") \
	X(TAKEN, taken, "another pod or the node has this destination by this protocol") \
	X(PROTOCOL, protocol, "a protocol that cannot be masqueraded") \
	X(NO_FLOW, no_flow, "answers what is unknown") \
	X(ICMP_ERROR, icmp_error, "ICMP error about an unknown packet, or not about one to its sender") \
	X(ICMP_TYPE, icmp_type, "an ICMP type that cannot be masqueraded") \
	X(FRAGMENT, fragment, "fragment whose first was not seen") \
	X(TINY_FRAGMENT, tiny_fragment, "first fragment without the ports") \
	X(REWRITE, rewrite, "the packet could not be changed") \
	X(PORTLESS, portless, "a protocol without ports, which masquerade-portless-protocols leaves to the node") \
	X(NO_UPLINK, no_uplink, "to be masqueraded, but its route has no attached uplink") \
	X(NO_PROGRAM, no_program, "from a pod while its program is not loaded") \
	X(MARTIAN_SOURCE, martian_source, "from outside to a pod, from a link-local address or one of this node") \
	X(LINK_BROADCAST, link_broadcast, "from outside to a pod in a broadcast or multicast frame") \
	X(FRAGMENT_ID, fragment_id, "no identification is free for a fragmented packet")

/* changes of flows, not packets: their bytes stay 0 */
#define STATS_FLOWS(X) \
	X(FLOW_CREATED, flow_created, "flows made") \
	X(FLOW_ADOPTED, flow_adopted, "flows that two CPUs made at once, or whose index was lost") \
	X(FLOW_EVICTED, flow_evicted, "ended flows that gave way to a new one") \
	X(FLOW_EXPIRED, flow_expired, "flows removed by age or with their pod") \
	X(FLOW_DISPLACED, flow_displaced, "flows of pods above their fair share that gave way to a new one") \
	X(FLOW_YIELDED, flow_yielded, "flows that gave way to the node's own connection") \
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

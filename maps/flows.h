/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flows: one record per masqueraded flow; pp_flow_fwd and pp_flow_rev: its slot by what the pod
 * sends and by what the other side answers; pp_flow_table: the state of the whole. Only packets'
 * programs and bpf/flows.bpf.c write them.
 *
 * A record lives from its entry in pp_flow_rev, which claims the port (NOEXIST), to the change of
 * its state to FLOW_DYING, which one CPU wins. Every reference carries the record's generation and
 * is void once that differs; the record is void once its pod's generation differs, or after
 * `expires`. So nothing must be deleted in time: a void flow only occupies memory.
 *
 * Where slots or ports are short, flows give way to new ones by fair shares: bpf/flow_share.bpf.h.
 */
#ifndef PP_FLOWS_H
#define PP_FLOWS_H

#include "maps/addr.h"

#define FLOWS_MAX 65536

/* IANA's numbers of the protocols that are told apart; others appear as their number */
enum protocol {
	PROTOCOL_HOPOPTS = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IGMP = 2,
	PROTOCOL_IPIP = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_GRE = 47,
	PROTOCOL_ESP = 50,
	PROTOCOL_AH = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_NO_NEXT = 59,
	PROTOCOL_DSTOPTS = 60,
	PROTOCOL_L2TP = 115,
	PROTOCOL_SCTP = 132,
};

/*
 * Who talks to whom, in the direction of a packet; ports in host order. An ICMP echo has its
 * identifier on the asking side's port and 0 on the other; protocols without ports have 0 and 0.
 */
struct flow_key {
	struct addr source, destination;
	__u16 source_port, destination_port;
	enum protocol protocol;
};

enum flow_state {
	FLOW_FREE,
	FLOW_DYING,       /* being removed */
	FLOW_SYN,         /* TCP: no answer yet, or taken up in the middle */
	FLOW_ESTABLISHED,
	FLOW_CLOSING,     /* TCP: the pod has sent a RST, or a FIN that a FIN or RST answered */
	FLOW_UNREPLIED,   /* UDP */
	FLOW_REPLIED,     /* UDP: one exchange, answered */
	FLOW_STREAM,      /* UDP: answered, and the pod sent more than 2 s after its first packet */
	FLOW_QUERY,       /* ICMP echo */
	FLOW_OTHER,       /* address only */
	FLOW_STATES,
};

struct flow {
	enum flow_state state;     /* with the generation one word, changed by compare-and-swap */
	__u32 generation;          /* of the record: each use of the slot has its own */
	__u32 expires;             /* clock units (maps/datapath.h): the last in which it lives */
	__u32 pod;                 /* slot in pp_pods; of a free record: the next free one + 1 */
	__u32 pod_generation;
	__u16 masq_port;           /* ICMP echo: the identifier outside */
	union {
		struct {
			__u8 sent, received; /* TCP: flags seen from the pod and from outside, or-ed */
		};
		__u16 began;                 /* UDP: the clock unit of the first packet, its low bits */
	};
	struct addr masq_address;
	struct flow_key forward;   /* as the pod sends it */
};

/* value of both indexes */
struct flow_ref {
	__u32 slot;
	__u32 generation;
};

struct flow_table {
	__u64 free;      /* the first free record + 1; the upper half changes with every change */
	__u32 fresh;     /* slots from here on were never used */
	__u32 used;      /* records that are neither free nor dying */
	__u32 cursor;    /* where ageing goes on */
	__u32 last_tick; /* clock units: when the timer last ran */
	__u32 pods;      /* pods that have records: entries of pp_pod_flows that are not 0 */
	__u32 victim;    /* where the next search for a flow that gives way starts */
};

_Static_assert(sizeof(struct flow_key) == 40, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct flow) == 80, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

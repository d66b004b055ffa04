/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flows: one record per masqueraded flow. pp_flow_fwd, pp_flow_rev: its slot by the pod's
 * packets and by the replies. pp_flow_table: state of the table. Written only by packet programs
 * and bpf/flows.bpf.c.
 *
 * A record lives from its entry in pp_flow_rev, which claims the port (NOEXIST), to the change of
 * its state to FLOW_DYING, which one CPU wins. Each reference carries the record's generation and
 * is stale once that differs; the record is stale once its pod's generation differs, or after
 * `expires`. So deletion is never urgent: a stale flow only occupies memory.
 *
 * When slots or ports run out, flows are evicted by fair shares: bpf/flow_share.bpf.h.
 */
#ifndef PP_FLOWS_H
#define PP_FLOWS_H

#include "maps/addr.h"

#define FLOWS_MAX 65536

/* IANA protocol numbers that need a name; others appear as their number */
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
 * Key of a packet in its direction; ports in host order. An ICMP echo has its identifier on the
 * requester's port and 0 on the other; protocols without ports have 0 and 0.
 */
struct flow_key {
	struct addr source, destination;
	__u16 source_port, destination_port;
	enum protocol protocol;
};

enum flow_state {
	FLOW_FREE,
	FLOW_DYING,       /* being removed */
	FLOW_SYN,         /* TCP: no reply yet, or tracked from mid-connection */
	FLOW_ESTABLISHED,
	FLOW_CLOSING,     /* TCP: RST from the pod, or FIN from the pod and FIN or RST from outside */
	FLOW_UNREPLIED,   /* UDP */
	FLOW_REPLIED,     /* UDP: answered */
	FLOW_STREAM,      /* UDP: answered, and the pod sent more than 2 s after its first packet */
	FLOW_QUERY,       /* ICMP echo */
	FLOW_OTHER,       /* address only */
	FLOW_STATES,
};

struct flow {
	enum flow_state state;     /* one word with the generation, changed by compare-and-swap */
	__u32 generation;          /* changes with each use of the slot */
	__u32 expires;             /* clock units (maps/datapath.h): the last one in which it is current */
	__u32 pod;                 /* slot in pp_pods; in a free record: the next free one + 1 */
	__u32 pod_generation;
	__u16 masq_port;           /* ICMP echo: the translated identifier */
	union {
		struct {
			__u8 sent, received; /* TCP: all flags seen from the pod and from outside */
		};
		__u16 began;                 /* UDP: low bits of the clock unit of the first packet */
	};
	struct addr masq_address;
	struct flow_key forward;   /* the pod's key */
};

/* value of both indexes */
struct flow_ref {
	__u32 slot;
	__u32 generation;
};

struct flow_table {
	__u64 free;      /* first free record + 1; the upper half counts changes */
	__u32 fresh;     /* first slot that was never used */
	__u32 used;      /* records that are neither free nor dying */
	__u32 cursor;    /* position of the sweep */
	__u32 last_tick; /* clock units: last run of the timer */
	__u32 pods;      /* pods with flows: nonzero entries of pp_pod_flows */
	__u32 victim;    /* position of the search for a victim */
};

_Static_assert(sizeof(struct flow_key) == 40, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct flow) == 80, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

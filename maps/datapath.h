/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Load-time configuration of the packet programs: `cfg` in the read-only data of each object. The
 * loader sets it before the load; the kernel removes branches that it rules out.
 *
 * Time is counted in clock units of about a second: jiffies >> clock_shift, with 2^shift nearest to
 * the kernel's HZ (bpf/clock.bpf.c reads it). A timeout of s seconds is (s * HZ) >> shift units, at
 * least 1.
 */
#ifndef PP_DATAPATH_H
#define PP_DATAPATH_H

#include "maps/flows.h"
#include "maps/sockets.h"

/* How programs read the kernel's struct sk_buff of a packet. */
enum buffer_access {
	BUFFER_NONE,   /* not at all */
	BUFFER_PROBED, /* by bpf_probe_read_kernel() */
	BUFFER_DIRECT, /* directly: bpf_cast_to_kern_ctx(), Linux 6.2 */
};

struct datapath_config {
	__u32 fib_skip_neigh;        /* BPF_FIB_LOOKUP_SKIP_NEIGH where the kernel has it, else 0 */
	__u32 fib_source[FAMILIES];  /* BPF_FIB_LOOKUP_SRC; 0: the address in pp_uplinks */
	__u16 port_min, port_max;    /* snat-port-range */
	__u32 flows;                 /* entries of pp_flows */
	__u32 clock_shift;
	__u32 secret;                /* random: seed of the port search */
	__u64 mark_secret;               /* random: bpf/native_mark.bpf.h; 0: none */
	__u32 timeout[FLOW_STATES];  /* clock units */
	__u32 reset_timeout;         /* clock units: TCP after a RST of the pod, or one to its SYN */
	__u32 transitory_timeout;    /* clock units: established TCP after a RST from outside */
	__u32 stream_after;          /* clock units after which UDP becomes a stream */
	__u32 inbound_timeout;       /* clock units: UDP, echo and SYN from outside */
	__u32 inbound_established;   /* clock units: answered TCP connection from outside */
	__u32 portless;              /* masquerade-portless-protocols */
	enum buffer_access buffer_access;
	__u32 virtual_clock;         /* tests: read the time from pp_clock */
	struct sockets_config sockets; /* bpf/sockets.bpf.c alone */
};

/*
 * Closing: longer than the 60 s of TIME_WAIT at the other end, which refuses a SYN from the same
 * port unless its timestamp advances, so only the pod's own port may use it again (RFC 6191).
 * Transitory: RFC 7857 2.2, because anyone can forge a RST. UDP: stream detection of nf_conntrack,
 * 2 min of RFC 4787 4.3.
 */
#define DATAPATH_DEFAULTS { \
	.port_min = 49152, .port_max = 65535, .flows = FLOWS_MAX, .clock_shift = 8, \
	.timeout = { \
		[FLOW_SYN] = 60, [FLOW_ESTABLISHED] = 7440, [FLOW_CLOSING] = 70, \
		[FLOW_UNREPLIED] = 30, [FLOW_REPLIED] = 30, [FLOW_STREAM] = 180, \
		[FLOW_QUERY] = 60, [FLOW_OTHER] = 60, \
	}, \
	.reset_timeout = 10, .transitory_timeout = 240, .stream_after = 2, \
	.inbound_timeout = 30, .inbound_established = 7440, \
}

#endif

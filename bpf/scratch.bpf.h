/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU memory of the slow paths, whose call chains would not fit the 512 bytes of stack. Another
 * tc program never interrupts one on the same CPU.
 */
#ifndef PP_SCRATCH_BPF_H
#define PP_SCRATCH_BPF_H

#include "bpf/parse.bpf.h"

/* Parameters and result of the creation of a flow. */
struct creation {
	struct addr address;   /* masquerade address */
	__u32 pod, pod_generation;
	struct flow_ref flow;  /* created or adopted */
	struct flow_ref holder; /* current flow that holds the candidate port */
	__u32 holder_pod;       /* its pod */
	bool holder_answered;   /* an answered exchange */
};

/* Search of bpf/frag_id.bpf.h for a segment with room for @count numbers. */
struct frag_search {
	__u64 owner;
	__u32 count, now;
	__u32 first;                   /* start, different for each pod */
	__u32 current, oldest, vacant; /* segments found, or NO_SEGMENT */
	__u32 oldest_expires;
	__u32 own, free;               /* numbers of segments */
};

struct scratch {
	struct packet packet;
	struct packet quoted;     /* quoted by an ICMP error in packet */
	struct creation creation;
	struct flow_key reply;    /* key of the reply to packet */
	struct frag_search frag_search;
	struct bpf_fib_lookup fib;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} pp_scratch SEC(".maps");

static __always_inline struct scratch *scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pp_scratch, &zero);
}

/* Resets the packet. */
static __always_inline struct packet *packet_new(struct scratch *s)
{
	__builtin_memset(&s->packet, 0, sizeof(s->packet));
	return &s->packet;
}

static __always_inline struct packet *quoted_new(struct scratch *s)
{
	__builtin_memset(&s->quoted, 0, sizeof(s->quoted));
	return &s->quoted;
}

#endif

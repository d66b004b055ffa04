/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the rare paths, one per CPU: their call chains would not fit the 512 bytes of stack. A tc
 * program is never interrupted by another one on its CPU.
 */
#ifndef PP_SCRATCH_BPF_H
#define PP_SCRATCH_BPF_H

#include "bpf/parse.bpf.h"

/* Whose flow is to be made, and what became of it. */
struct creation {
	struct addr address;   /* to masquerade as */
	__u32 pod, pod_generation;
	struct flow_ref flow;  /* made or adopted */
	struct flow_ref occupant; /* the living flow that has the wanted port, */
	__u32 occupant_pod;       /* and whose it is */
	bool occupant_answered;   /* an exchange that has been answered */
};

/* The search of bpf/frag_id.bpf.h for a segment with room for @count numbers. */
struct frag_search {
	__u64 owner;
	__u32 count, now;
	__u32 first;                   /* where it begins: each pod elsewhere */
	__u32 current, oldest, vacant; /* segments found, or NO_SEGMENT */
	__u32 oldest_expires;
	__u32 own, free;               /* how many */
};

struct scratch {
	struct packet packet;
	struct packet quoted;     /* by the ICMP error that packet is */
	struct creation creation;
	struct flow_key reply;   /* to what packet opens */
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

/* The packet at hand, nothing read yet. */
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

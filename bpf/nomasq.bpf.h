/* SPDX-License-Identifier: GPL-2.0-only */
/* Lookup in pp_nomasq: whether, and why, pods use their own address towards a destination. */
#ifndef PP_BPF_NOMASQ_BPF_H
#define PP_BPF_NOMASQ_BPF_H

#include "bpf/address.bpf.h"
#include "maps/nomasq.bpf.h"

static __always_inline enum nomasq_reason nomasq_reason(const struct addr *ip)
{
	struct cidr_key key = { .length = 128 };
	struct nomasq *nomasq;

	__builtin_memcpy(&key.addr, ip, sizeof(key.addr));
	nomasq = bpf_map_lookup_elem(&pp_nomasq, &key);
	return nomasq ? nomasq->reason : NOMASQ_NONE;
}

/* Whether pods always use their own address towards it. */
static __always_inline bool is_native(const struct addr *ip)
{
	enum nomasq_reason reason = nomasq_reason(ip);

	return reason != NOMASQ_NONE && reason != NOMASQ_BROADCAST;
}

#endif

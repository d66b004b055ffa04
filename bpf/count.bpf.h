/* SPDX-License-Identifier: GPL-2.0-only */
/* Every exit of a tc program: counts it by name, and samples drops. */
#ifndef PP_COUNT_BPF_H
#define PP_COUNT_BPF_H

#include <linux/pkt_cls.h>

#include "bpf/parse.bpf.h"
#include "bpf/sample.bpf.h"

/* Counts and returns @verdict. */
static __always_inline int count(struct __sk_buff *skb, enum stat stat, int verdict)
{
	count_length(stat, skb->len);
	return verdict;
}

/* The packet is read again, so that the way of those that pass need not keep its parts in memory. */
static __always_inline void sample(struct __sk_buff *skb, enum stat reason)
{
	struct event event = {
		.reason = reason,
		.ifindex = skb->ifindex,
		.length = skb->len,
		.ethertype = bpf_ntohs(skb->protocol),
	};
	struct packet p = {};

	parse(skb, &p);
	event.packet = p.key;
	sample_write(&event);
}

__noinline int drop(struct __sk_buff *skb, enum stat reason)
{
	count_length(reason, skb->len);
	if (sample_allowed())
		sample(skb, reason);
	return TC_ACT_SHOT;
}

#endif

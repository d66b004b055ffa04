/* SPDX-License-Identifier: GPL-2.0-only */
/* Exits of tc programs: counters by name, and samples of drops. */
#ifndef PP_COUNT_BPF_H
#define PP_COUNT_BPF_H

#include <linux/pkt_cls.h>

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/sample.bpf.h"
#include "bpf/scratch.bpf.h"
#include "maps/drop_times.bpf.h"

/* Counts and returns @verdict. */
static __always_inline int count(struct __sk_buff *skb, enum stat stat, int verdict)
{
	count_length(stat, skb->len);
	return verdict;
}

/* The packet is parsed again, so that the path of packets that pass need not keep it in memory. */
static __always_inline void sample(struct __sk_buff *skb, enum stat reason)
{
	struct scratch *s = scratch();
	struct event *event;

	if (!s)
		return;
	parse(skb, packet_new(s));
	event = bpf_ringbuf_reserve(&pp_events, sizeof(*event), 0);
	if (!event)
		return;
	event->time = bpf_ktime_get_boot_ns();
	event->reason = reason;
	event->ifindex = skb->ifindex;
	event->length = skb->len;
	event->ethertype = bpf_ntohs(skb->protocol);
	event->packet = s->packet.key;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void drop_time_set(enum stat reason)
{
	__u32 index = reason, *last = bpf_map_lookup_elem(&pp_drop_times, &index);

	if (last)
		*last = clock_units();
}

/* Drops the packet: counts @reason, records its time, takes a sample. Overwrites scratch(). */
__noinline int drop(struct __sk_buff *skb, enum stat reason)
{
	count_length(reason, skb->len);
	drop_time_set(reason);
	if (sample_allowed())
		sample(skb, reason);
	return TC_ACT_SHOT;
}

#endif

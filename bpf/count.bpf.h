/* SPDX-License-Identifier: GPL-2.0-only */
/* Every exit of a program: counts it by name, and samples drops into pp_events. */
#ifndef PP_COUNT_BPF_H
#define PP_COUNT_BPF_H

#include <linux/pkt_cls.h>

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"
#include "maps/event_rate.bpf.h"
#include "maps/events.bpf.h"
#include "maps/stats.bpf.h"

static __always_inline void count_length(enum stat stat, __u32 length)
{
	__u32 zero = 0;
	struct counter *counters = bpf_map_lookup_elem(&pp_stats, &zero);

	if (counters) {
		counters[stat].packets++;
		counters[stat].bytes += length;
	}
}

/* Counts and returns @verdict. */
static __always_inline int count(struct __sk_buff *skb, enum stat stat, int verdict)
{
	count_length(stat, skb->len);
	return verdict;
}

/* Whether this CPU may write another event in this clock unit. */
static __always_inline bool event_allowed(void)
{
	__u32 zero = 0, now = clock_units();
	struct event_rate *rate = bpf_map_lookup_elem(&pp_event_rate, &zero);

	if (!rate)
		return false;
	if (rate->unit != now) {
		rate->unit = now;
		rate->count = 0;
	}
	return rate->count++ < EVENTS_BURST;
}

static __always_inline void event_begin(struct event *event, enum stat reason, __u32 ifindex,
					__u32 length)
{
	event->time = bpf_ktime_get_boot_ns();
	event->reason = reason;
	event->ifindex = ifindex;
	event->length = length;
}

/* The packet is read again, so that the way of those that pass need not keep its parts in memory. */
static __always_inline void event_write(struct __sk_buff *skb, enum stat reason)
{
	struct event *event;
	struct packet p = {};

	parse(skb, &p);
	event = bpf_ringbuf_reserve(&pp_events, sizeof(*event), 0);
	if (!event)
		return;
	event_begin(event, reason, skb->ifindex, skb->len);
	event->ethertype = bpf_ntohs(skb->protocol);
	event->packet = p.key;
	bpf_ringbuf_submit(event, 0);
}

__noinline int drop(struct __sk_buff *skb, enum stat reason)
{
	struct counter *counters;
	__u32 zero = 0;

	counters = bpf_map_lookup_elem(&pp_stats, &zero);
	if (counters && reason < STATS_COUNT) {
		counters[reason].packets++;
		counters[reason].bytes += skb->len;
	}
	if (event_allowed())
		event_write(skb, reason);
	return TC_ACT_SHOT;
}

#endif

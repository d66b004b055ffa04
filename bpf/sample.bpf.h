/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters and samples of drops (pp_events), shared by tc and XDP programs. */
#ifndef PP_SAMPLE_BPF_H
#define PP_SAMPLE_BPF_H

#include "bpf/config.bpf.h"
#include "maps/event_rate.bpf.h"
#include "maps/events.bpf.h"
#include "maps/stats.bpf.h"

static __always_inline void count_length(enum stat stat, __u32 length)
{
	__u32 zero = 0;
	struct counter *counters = bpf_map_lookup_elem(&pp_stats, &zero);

	if (counters && stat < STATS_COUNT) {
		counters[stat].packets++;
		counters[stat].bytes += length;
	}
}

/* Whether this CPU may write another sample in this clock unit: bounds the cost of a flood. */
static __always_inline bool sample_allowed(void)
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

#endif

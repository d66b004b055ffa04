/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eviction of a flow for a new one when the table is full. The victim is chosen among a bounded number
 * of consecutive slots (bpf/flow_share.bpf.h); a pod with many flows soon appears among them.
 */
#ifndef PP_FLOW_EVICT_BPF_H
#define PP_FLOW_EVICT_BPF_H

#include "bpf/flow_remove.bpf.h"

#define EVICT_SLOTS 1024 /* slots considered at most: 15 us */
#define EVICT_GOOD 64    /* good candidates that are enough: the oldest of them is old */
#define EVICT_TRIES 4    /* each failure means that another CPU took the same */

struct eviction {
	__u32 start, slots, now;
	__u32 pod, share;
	bool has_share; /* the pod holds at least its share */
	__u32 good;
	struct victim victim;
};

static __always_inline __u32 slot_rank(const struct eviction *eviction, const struct flow *flow)
{
	struct share_status status = {
		.own = flow->pod == eviction->pod,
		.above = share_of(flow->pod) > eviction->share,
	};

	status.yields = status.own ? eviction->has_share :
					status.above && !eviction->has_share;
	return rank_of(flow->state, &status);
}

/* Returns nonzero to end the search. A global function, verified once. */
__noinline int consider_slot(struct eviction *eviction, __u32 n)
{
	__u32 slot, generation, rank;
	struct flow *flow;

	if (!eviction)
		return 1;
	slot = eviction->start + n;
	if (slot >= eviction->slots)
		slot -= eviction->slots;
	flow = flow_at(slot);
	if (!flow)
		return 1;
	generation = *(volatile __u32 *)&flow->generation;
	if (flow->state <= FLOW_DYING)
		return 0;
	if (!flow_is_current(flow, eviction->now)) {
		victim_consider(&eviction->victim, 0, 0, slot, generation, 0);
		return 1;
	}
	rank = slot_rank(eviction, flow);
	victim_consider(&eviction->victim, rank, last_used(flow), slot, generation, 0);
	eviction->good += rank <= RANK_GOOD;
	return !rank || eviction->good >= EVICT_GOOD;
}

static int consider(__u32 n, struct eviction *eviction)
{
	return consider_slot(eviction, n) != 0;
}

/* Evicts a flow for one of the pod in slot @pod and returns its slot, or -1. */
__noinline int flow_evict(__u32 pod)
{
	struct flow_table *table = flow_table();
	struct eviction eviction = { .pod = pod, .now = clock_units() };
	__u32 mine = share_of(pod), count;

	if (!table)
		return -1;
	eviction.slots = slots_used(table);
	if (!eviction.slots)
		return -1;
	eviction.share = fair_share(cfg.flows, table->pods, mine);
	eviction.has_share = mine >= eviction.share;
	count = eviction.slots < EVICT_SLOTS ? eviction.slots : EVICT_SLOTS;
	for (int n = 0; n < EVICT_TRIES; n++) {
		eviction.good = 0;
		eviction.victim.score = NO_VICTIM;
		eviction.start = table->victim % eviction.slots;
		__sync_fetch_and_add(&table->victim, bpf_loop(count, consider, &eviction, 0));
		if (eviction.victim.score == NO_VICTIM)
			return -1;
		if (!flow_end(eviction.victim.flow.slot, eviction.victim.flow.generation))
			continue;
		count_flow(victim_stat(&eviction.victim));
		return eviction.victim.flow.slot;
	}
	return -1;
}

#endif

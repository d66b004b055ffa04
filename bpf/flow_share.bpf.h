/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fair shares: number of flows of each pod, and which flows are evicted when slots or ports run
 * out.
 *
 * A pod's fair share is the total divided by the number of pods that hold any, at least 1. A pod at
 * or above its share evicts its own flows for new ones; a pod below it evicts flows of pods above
 * theirs. Among the flows of a pod, answered exchanges go first, then unanswered flows, then live
 * ones; among equals, the least recently used. Closed connections, which only wait for last
 * packets, are evicted for any pod.
 */
#ifndef PP_FLOW_SHARE_BPF_H
#define PP_FLOW_SHARE_BPF_H

#include "bpf/flow.bpf.h"
#include "maps/flow_table.bpf.h"
#include "maps/pod_flows.bpf.h"
#include "maps/stats.bpf.h"

static __always_inline struct flow_table *flow_table(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pp_flow_table, &zero);
}

/* Called before the record can be found. */
static __always_inline void share_count(struct flow_table *table, __u32 pod)
{
	struct pod_flows *flows = bpf_map_lookup_elem(&pp_pod_flows, &pod);

	if (flows && __sync_fetch_and_add(&flows->count, 1) == 0)
		__sync_fetch_and_add(&table->pods, 1);
}

/* Called by the CPU that ended the flow. */
static __always_inline void share_uncount(struct flow_table *table, __u32 pod)
{
	struct pod_flows *flows = bpf_map_lookup_elem(&pp_pod_flows, &pod);

	if (flows && __sync_fetch_and_add(&flows->count, -1) == 1)
		__sync_fetch_and_add(&table->pods, -1);
}

static __always_inline __u32 share_of(__u32 pod)
{
	struct pod_flows *flows = bpf_map_lookup_elem(&pp_pod_flows, &pod);

	return flows ? flows->count : 0;
}

/* Fair share of @total among @pods. @mine: how many the asking pod has; 0: it is not among @pods yet. */
static __always_inline __u32 fair_share(__u32 total, __u32 pods, __u32 mine)
{
	__u32 share = total / (pods + !mine + !pods);

	return share ? share : 1;
}

enum worth {
	WORTH_CLOSED,
	WORTH_EXCHANGE,
	WORTH_UNANSWERED,
	WORTH_LIVE,
};

static __always_inline enum worth worth_of(enum flow_state state)
{
	switch (state) {
	case FLOW_CLOSING:
		return WORTH_CLOSED;
	case FLOW_REPLIED:
		return WORTH_EXCHANGE;
	case FLOW_ESTABLISHED:
	case FLOW_STREAM:
		return WORTH_LIVE;
	default:
		return WORTH_UNANSWERED;
	}
}

/* Relation of a flow's pod to the pod that needs a new flow. */
struct share_status {
	bool own;
	/* own: the pod has its share; another: above its own share while the claimant is below */
	bool yields;
	bool above; /* above its share */
};

#define RANK_NEVER 15
#define RANK_GOOD 4 /* up to this rank a flow is a good candidate, and the search may end */

/*
 * Eviction order: closed flows; answered, then unanswered flows of pods that must yield; exchanges
 * of the claimant; live flows of pods that must yield. If a partial search finds none of these: the
 * claimant's own, then those of pods above their share.
 */
static __always_inline __u32 rank_of(enum flow_state state, const struct share_status *status)
{
	enum worth worth = worth_of(state);

	if (worth == WORTH_CLOSED)
		return 0;
	if (status->yields)
		return worth == WORTH_LIVE ? 4 : worth;
	if (status->own)
		return worth == WORTH_EXCHANGE ? 3 : worth + 3;
	return status->above ? worth + 6 : RANK_NEVER;
}

/* Best candidate for eviction so far. */
struct victim {
	__u64 score; /* smallest wins: rank, then time of last use */
	struct flow_ref flow;
	__u32 place; /* in a sample of ports */
};

#define NO_VICTIM (~0ULL)

/* Time of last use. A flow that outside has reset looks older, so it is evicted before its equals. */
static __always_inline __u32 last_used(const struct flow *flow)
{
	__u32 timeout = timeout_of(flow->state), expires = flow->expires;

	return expires > timeout ? expires - timeout : 0;
}

/* Keeps the better of *victim and this candidate; @used is 0 for an expired flow. */
static __always_inline void victim_consider(struct victim *victim, __u32 rank, __u32 used, __u32 slot,
					    __u32 generation, __u32 place)
{
	__u64 score = (__u64)rank << 32 | used;

	if (rank == RANK_NEVER || score >= victim->score)
		return;
	victim->score = score;
	victim->flow.slot = slot;
	victim->flow.generation = generation;
	victim->place = place;
}

/* The counter for this eviction. */
static __always_inline enum stat victim_stat(const struct victim *victim)
{
	return victim->score >> 32 ? STAT_FLOW_DISPLACED : STAT_FLOW_EVICTED;
}

#endif

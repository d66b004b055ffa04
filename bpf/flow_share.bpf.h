/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fair shares: how many flows each pod has, and which of them give way when slots or ports are short.
 *
 * A pod's fair share is what there is divided by the pods that have some of it, at least 1. A pod
 * that has its share gives up its own flows for new ones; one below it is given those of pods above
 * theirs, which must exist then. Of a pod's flows the first to go are answered exchanges, then what
 * nobody has answered, then living ones; of equals the one used the longest ago. Closed connections,
 * which only wait for the last packets, give way to everybody.
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

/* Before the record can be found. */
static __always_inline void share_count(struct flow_table *table, __u32 pod)
{
	struct pod_flows *flows = bpf_map_lookup_elem(&pp_pod_flows, &pod);

	if (flows && __sync_fetch_and_add(&flows->count, 1) == 0)
		__sync_fetch_and_add(&table->pods, 1);
}

/* By the one that has ended it. */
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

/* @total divided by @pods, of which @mine tells whether the asking one is among them. */
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

/* Whose a flow is, for the pod that wants a new one. */
struct share_status {
	bool own;
	bool yields;/* own: has its share; another: is above its own, the claimant below */
	bool above; /* its share */
};

#define RANK_NEVER 15
#define RANK_GOOD 4 /* up to here a flow is a good choice, and the search may end */

/*
 * In which order flows give way: closed ones; answered and unanswered ones of who gives; the
 * claimant's own exchanges (nothing is lost); living ones of who gives. And where a search of a part
 * found none of these: the claimant's own, then those of pods above their share.
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

/* The flow that gives way, as far as the search is. */
struct victim {
	__u64 score; /* rank, and within it when the flow was used last: the smallest */
	struct flow_ref flow;
	__u32 place; /* in a sample of ports */
};

#define NO_VICTIM (~0ULL)

/*
 * When the flow was used last. One that outside has reset looks older, and so goes before its like.
 */
static __always_inline __u32 last_used(const struct flow *flow)
{
	__u32 timeout = timeout_of(flow->state), expires = flow->expires;

	return expires > timeout ? expires - timeout : 0;
}

/* @used is 0 for what is over already. */
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

/* Under which name it is counted. */
static __always_inline enum stat victim_stat(const struct victim *victim)
{
	return victim->score >> 32 ? STAT_FLOW_DISPLACED : STAT_FLOW_EVICTED;
}

#endif

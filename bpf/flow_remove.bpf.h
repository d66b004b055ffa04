/* SPDX-License-Identifier: GPL-2.0-only */
/* End of flows: one flow, or all expired ones of a range of slots. */
#ifndef PP_FLOW_REMOVE_BPF_H
#define PP_FLOW_REMOVE_BPF_H

#include "bpf/flow_find.bpf.h"
#include "bpf/flow_slot.bpf.h"
#include "maps/stats.bpf.h"

static __always_inline void count_flow(enum stat stat)
{
	__u32 zero = 0;
	struct counter *counters = bpf_map_lookup_elem(&pp_stats, &zero);

	if (counters && stat < STATS_COUNT)
		counters[stat].packets++;
}

/* Deletes an index entry unless another record owns it meanwhile. */
static __always_inline void index_delete(void *index, const struct flow_key *key, __u32 slot,
					 __u32 generation)
{
	struct flow_ref *ref = bpf_map_lookup_elem(index, key);

	if (ref && ref->slot == slot && ref->generation == generation)
		bpf_map_delete_elem(index, key);
}

/*
 * Ends the flow of that generation; returns 1 to the single caller that succeeded, who then owns the
 * slot. The forward entry is deleted before the port claim, so that every forward entry has a claim.
 */
__noinline int flow_end(__u32 slot, __u32 generation)
{
	struct flow *flow = flow_at(slot);
	struct flow_table *table = flow_table();
	enum flow_state state;
	struct flow_key key;

	if (!flow || !table)
		return 0;
	state = flow->state;
	if (!flow_is_valid(flow, generation) || !flow_swap(flow, generation, state, FLOW_DYING))
		return 0;
	key = flow->forward;
	index_delete(&pp_flow_fwd, &key, slot, generation);
	flow_reply_key(&key, flow);
	index_delete(&pp_flow_rev, &key, slot, generation);
	share_uncount(table, flow->pod);
	return 1;
}

/* Ends the flow, frees the slot and counts @stat. */
static __always_inline __u32 flow_remove(__u32 slot, __u32 generation, enum stat stat)
{
	struct flow_table *table = flow_table();
	struct flow *flow = flow_at(slot);

	if (!flow || !table || !flow_end(slot, generation))
		return 0;
	slot_free(table, flow, slot);
	count_flow(stat);
	return 1;
}

struct sweep {
	__u32 start, slots, now, removed;
};

static int sweep_slot(__u32 n, struct sweep *sweep)
{
	__u32 slot = sweep->start + n;
	struct flow *flow;
	__u32 generation;

	if (slot >= sweep->slots)
		slot -= sweep->slots;
	flow = flow_at(slot);
	if (!flow)
		return 1;
	generation = flow->generation;
	if (flow->state > FLOW_DYING && !flow_is_current(flow, sweep->now))
		sweep->removed += flow_remove(slot, generation, STAT_FLOW_EXPIRED);
	return 0;
}

/* Number of slots that were ever used. */
static __always_inline __u32 slots_used(const struct flow_table *table)
{
	return table->fresh < cfg.flows ? table->fresh : cfg.flows;
}

/* Ends expired flows among the next @count slots; returns their number. */
static __always_inline __u32 flow_sweep(struct flow_table *table, __u32 count, __u32 now)
{
	struct sweep sweep = { .now = now, .slots = slots_used(table) };

	if (!sweep.slots)
		return 0;
	if (count > sweep.slots)
		count = sweep.slots;
	sweep.start = __sync_fetch_and_add(&table->cursor, count) % sweep.slots;
	bpf_loop(count, sweep_slot, &sweep, 0);
	return sweep.removed;
}

#endif

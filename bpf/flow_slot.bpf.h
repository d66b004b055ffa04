/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Free list of pp_flows: a stack linked through the records, changed by compare-and-swap. (A BPF
 * stack map would be rejected in the sleepable programs of bpf/flows.bpf.c on 6.1.) The upper half
 * of its head is a counter against the ABA problem.
 */
#ifndef PP_FLOW_SLOT_BPF_H
#define PP_FLOW_SLOT_BPF_H

#include "bpf/flow_share.bpf.h"

/* Each failure means that another CPU succeeded. */
#define SLOT_TRIES 32

static __always_inline bool free_swap(struct flow_table *table, __u64 head, __u32 first)
{
	__u64 next = ((head >> 32) + 1) << 32 | first;

	return __sync_val_compare_and_swap(&table->free, head, next) == head;
}

static __always_inline void slot_push(struct flow_table *table, struct flow *flow, __u32 slot)
{
	for (int n = 0; n < SLOT_TRIES; n++) {
		__u64 head = *(volatile __u64 *)&table->free;

		flow->pod = head;
		if (free_swap(table, head, slot + 1))
			return;
	}
}

static __always_inline bool slot_pop(struct flow_table *table, __u32 *slot)
{
	for (int n = 0; n < SLOT_TRIES; n++) {
		__u64 head = *(volatile __u64 *)&table->free;
		struct flow *flow = flow_at((__u32)head - 1);

		if (!(__u32)head || !flow)
			return false;
		if (free_swap(table, head, flow->pod)) {
			*slot = (__u32)head - 1;
			return true;
		}
	}
	return false;
}

/* Allocates an unused record; false: none left. */
static __always_inline bool slot_alloc(struct flow_table *table, __u32 *slot)
{
	if (slot_pop(table, slot))
		return true;
	if (table->fresh >= cfg.flows)
		return false;
	*slot = __sync_fetch_and_add(&table->fresh, 1);
	return *slot < cfg.flows;
}

/* Frees the record in @slot, which its user has unlinked from both indexes. */
static __always_inline void slot_free(struct flow_table *table, struct flow *flow, __u32 slot)
{
	flow->state = FLOW_FREE;
	__sync_fetch_and_add(&table->used, -1);
	slot_push(table, flow, slot);
}

#endif

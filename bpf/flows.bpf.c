// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ageing without a daemon: a kernel timer sweeps a part of the flow table at each tick. Correctness
 * does not depend on it: packets ignore expired flows, and without it every new flow sweeps a little.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/flow_remove.bpf.h"
#include "bpf/node_conn.bpf.h"
#include "maps/flow_timer.bpf.h"
#include "maps/node_ips.bpf.h"

char _license[] SEC("license") = "GPL";

#define CLOCK_MONOTONIC 1
#define TICK_SLOTS 1024
#define TICK_NS (20 * 1000 * 1000ULL)     /* 65536 slots in 1.3 s; 10 us of work each */
#define IDLE_NS (1000 * 1000 * 1000ULL)   /* no flow: once a second */

static int tick(void *map __attribute__((unused)), __u32 *key __attribute__((unused)),
		struct flow_timer *timer)
{
	struct flow_table *table = flow_table();
	__u32 now = clock_units();

	if (!table)
		return 0;
	flow_sweep(table, TICK_SLOTS, now);
	table->last_tick = now;
	bpf_timer_start(&timer->timer, table->used ? TICK_NS : IDLE_NS, 0);
	return 0;
}

/*
 * Starts the timer, or makes a running one call this version's tick(): the program of an older
 * version would live as long as its timer. Returns 0 or -errno.
 */
SEC("syscall")
int pp_flows_arm(void *context __attribute__((unused)))
{
	struct flow_timer *timer;
	__u32 zero = 0;
	long err;

	timer = bpf_map_lookup_elem(&pp_flow_timer, &zero);
	if (!timer)
		return -1;
	err = bpf_timer_init(&timer->timer, &pp_flow_timer, CLOCK_MONOTONIC);
	if (err && err != -16) /* EBUSY: already initialised */
		return err;
	err = bpf_timer_set_callback(&timer->timer, tick);
	return err ? err : bpf_timer_start(&timer->timer, 0, 0);
}

/* Sweeps the whole table at once; returns the number of flows ended. */
SEC("syscall")
int pp_flows_sweep(void *context __attribute__((unused)))
{
	struct flow_table *table = flow_table();

	return table ? flow_sweep(table, cfg.flows, clock_units()) : 0;
}

struct staleness {
	__u32 slots, removed;
};

/* A flow is stale if its address is not the node's any more or its protocol is not masqueraded. */
static __always_inline bool is_stale(const struct flow *flow)
{
	struct addr address = flow->masq_address;

	return !bpf_map_lookup_elem(&pp_node_ips, &address) ||
	       (is_portless(flow->forward.protocol) && !cfg.portless);
}

static int end_stale(__u32 slot, struct staleness *s)
{
	struct flow *flow = flow_at(slot);
	__u32 generation;

	if (!flow || slot >= s->slots)
		return 1;
	generation = flow->generation;
	if (flow_is_valid(flow, generation) && is_stale(flow))
		s->removed += flow_remove(slot, generation, STAT_FLOW_STALE);
	return 0;
}

/*
 * Ends flows that cannot receive a reply: those with an address missing in pp_node_ips, which the
 * loader has filled before, and those of protocols left to the node. Returns their number.
 */
SEC("syscall")
int pp_flows_stale(void *context __attribute__((unused)))
{
	struct flow_table *table = flow_table();
	struct staleness s = { .slots = table ? table->fresh : 0 };

	bpf_loop(cfg.flows, end_stale, &s, 0);
	return s.removed;
}

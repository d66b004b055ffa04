// SPDX-License-Identifier: GPL-2.0-only
/* A node's metrics as OpenMetrics 1.0 text. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/check/metrics.h"
#include "loader/kernel/counters.h"
#include "loader/ipam/flow_shares.h"
#include "loader/ipam/managed.h"
#include "loader/kernel/flows.h"
#include "loader/ipam/state.h"
#include "loader/kernel/usage.h"

static void family(FILE *out, const char *name, const char *type, const char *unit, const char *help)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s %s\n", name, help);
}

/* The owner of a lease without a pod is any text. */
static void print_label(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			fprintf(out, "\\n");
		else
			fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void print_build(FILE *out, const struct context *node)
{
	family(out, "pinpool_build", "info", NULL, "The version of pinpool and of its maps.");
	fprintf(out, "pinpool_build_info{version=\"%s\",abi=\"%d\"} 1\n", VERSION, PP_ABI);
	family(out, "pinpool_node", "info", NULL, "The node.");
	fprintf(out, "pinpool_node_info{node=\"%s\",default_pool=\"%s\"} 1\n", node->config.node,
	       node->config.default_pool_name);
}

/* One gauge of each pool and family: the member of struct pool_family at @offset. */
static void pool_gauge(FILE *out, const struct state *state, const char *name, size_t offset,
		       const char *help)
{
	family(out, name, "gauge", NULL, help);
	for (size_t i = 0; i < state->pool_count; i++) {
		const struct pool *p = &state->pools[i].pool;

		for (int f = 0; f < FAMILIES; f++) {
			const struct pool_family *pf = &p->family[f];
			uint32_t value;

			if (!pf->mask_length && !pf->blocks)
				continue;
			memcpy(&value, (const char *)pf + offset, sizeof(value));
			fprintf(out, "%s{pool=\"%s\",family=\"%s\"} %u\n", name, p->name, family_name(f),
			       value);
		}
	}
}

static void print_pools(FILE *out, const struct state *state)
{
	family(out, "pinpool_pool_terminating", "gauge", NULL,
	       "1 where the pool is deleted and still in use.");
	for (size_t i = 0; i < state->pool_count; i++)
		fprintf(out, "pinpool_pool_terminating{pool=\"%s\"} %d\n", state->pools[i].pool.name,
		       state->pools[i].pool.state == POOL_TERMINATING);
	pool_gauge(out, state, "pinpool_pool_blocks", offsetof(struct pool_family, blocks),
		   "Blocks of the pool that this node holds, draining ones included.");
	pool_gauge(out, state, "pinpool_pool_capacity", offsetof(struct pool_family, capacity),
		   "Usable addresses of blocks that are not draining.");
	pool_gauge(out, state, "pinpool_pool_used", offsetof(struct pool_family, in_use),
		   "Addresses in use of blocks that are not draining.");
	pool_gauge(out, state, "pinpool_pool_draining", offsetof(struct pool_family, draining),
		   "Addresses in use of draining blocks.");
}

static void print_blocks(FILE *out, const struct state *state)
{
	unsigned int by_state[BLOCK_DRAINING + 1] = {};

	for (size_t i = 0; i < state->block_count; i++)
		if (state->blocks[i].block.state <= BLOCK_DRAINING)
			by_state[state->blocks[i].block.state]++;
	family(out, "pinpool_blocks", "gauge", NULL, "Blocks that this node holds.");
	for (int s = BLOCK_ACTIVE; s <= BLOCK_DRAINING; s++)
		fprintf(out, "pinpool_blocks{state=\"%s\"} %u\n", block_state_name(s), by_state[s]);
}

static void print_leases(FILE *out, const struct lease_entry *leases, size_t count)
{
	unsigned int by_state[LEASE_DYING + 1] = {};

	for (size_t i = 0; i < count; i++)
		if (leases[i].lease.state <= LEASE_DYING)
			by_state[leases[i].lease.state]++;
	family(out, "pinpool_leases", "gauge", NULL, "Leases; bound ones are pods.");
	for (int s = LEASE_HELD; s <= LEASE_DYING; s++)
		fprintf(out, "pinpool_leases{state=\"%s\"} %u\n", lease_state_name(s), by_state[s]);
}

/* The objects of the API server that the agent could not accept. */
static void print_rejected(FILE *out, const json_t *rejected)
{
	static const char *const fields[] = { "kind", "name" };
	const json_t *object;
	size_t i;

	family(out, "pinpool_agent_rejected", "gauge", NULL,
	       "1 for each object of the API server that is not accepted.");
	json_array_foreach(rejected, i, object) {
		fprintf(out, "pinpool_agent_rejected{");
		for (int f = 0; f < 2; f++) {
			fprintf(out, "%s%s=\"", f ? "," : "", fields[f]);
			print_label(out, json_string_value(json_object_get(object, fields[f])) ?: "");
			fprintf(out, "\"");
		}
		fprintf(out, "} 1\n");
	}
}

static void print_agent(FILE *out, struct context *node)
{
	json_t *status = node->config.managed ? agent_status_get(node) : NULL;

	if (!status)
		return;
	family(out, "pinpool_agent_synced_timestamp_seconds", "gauge", "seconds",
	       "When the agent last had full contact with the API server.");
	fprintf(out, "pinpool_agent_synced_timestamp_seconds %lld\n",
		(long long)json_integer_value(json_object_get(status, "synced")));
	print_rejected(out, json_object_get(status, "rejected"));
	json_decref(status);
}

static int by_pool(const void *a, const void *b)
{
	const struct pending_entry *x = a, *y = b;
	int order = strcmp(x->pending.pool, y->pending.pool);

	return order ? order : (int)x->key.family - (int)y->key.family;
}

/* The pools that are waited for need not exist. */
static void print_pendings(FILE *out, struct pins *pins)
{
	struct pending_entry *list;
	size_t count;

	if (ipam_pendings(pins, &list, &count, NULL))
		return;
	if (count)
		qsort(list, count, sizeof(*list), by_pool);
	family(out, "pinpool_pending", "gauge", NULL, "Owners whose demand could not be met lately.");
	for (size_t i = 0; i < count; i++)
		if (!i || by_pool(&list[i - 1], &list[i]))
			fprintf(out, "pinpool_pending{pool=\"%s\",family=\"%s\"} %u\n",
			       list[i].pending.pool, family_name(list[i].key.family),
			       ipam_pending_count(pins, list[i].pending.pool, list[i].key.family));
	free(list);
}

/* The programs' own count; ageing may be a moment behind. */
static void print_flows(FILE *out, struct pins *pins)
{
	int fd = pins_map(pins, PIN_FLOWS);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	struct flow_entry *list;
	struct clock clock;
	size_t count;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ||
	    flows_read(pins, &list, &count, &clock, NULL))
		return;
	free(list);
	family(out, "pinpool_flows", "gauge", NULL, "Masqueraded flows.");
	fprintf(out, "pinpool_flows %zu\n", count);
	family(out, "pinpool_flows_max", "gauge", NULL, "Masqueraded flows that fit (bpf-nat-max).");
	fprintf(out, "pinpool_flows_max %u\n", info.max_entries);
}

static void print_pod_flows(FILE *out, struct pins *pins)
{
	struct flow_shares shares;

	if (flow_shares_read(pins, &shares, NULL))
		return;
	family(out, "pinpool_pod_flows", "gauge", NULL, "Masqueraded flows of each pod that has any.");
	for (size_t i = 0; i < shares.count; i++) {
		fprintf(out, "pinpool_pod_flows{pod=\"");
		print_label(out, shares.list[i].pod);
		fprintf(out, "\"} %u\n", shares.list[i].flows);
	}
	flow_shares_free(&shares);
}

static void print_counter(FILE *out, const struct counter *counters, enum counter_kind kind,
			  const char *metric, const char *label, bool bytes)
{
	/* "flow_created" is the change "created" */
	size_t skip = kind == COUNTER_FLOW ? strlen("flow_") : 0;

	for (int i = 0; i < STATS_COUNT; i++)
		if (counter_names[i].kind == kind)
			fprintf(out, "%s_total{%s=\"%s\"} %llu\n", metric, label,
			       counter_names[i].name + skip,
			       (unsigned long long)(bytes ? counters[i].bytes
							  : counters[i].packets));
}

static void print_counters(FILE *out, const struct counter *counters)
{
	family(out, "pinpool_packets", "counter", NULL, "Packets by what became of them.");
	print_counter(out, counters, COUNTER_VERDICT, "pinpool_packets", "verdict", false);
	family(out, "pinpool_traffic_bytes", "counter", "bytes",
	       "Bytes of packets by what became of them.");
	print_counter(out, counters, COUNTER_VERDICT, "pinpool_traffic_bytes", "verdict", true);
	family(out, "pinpool_drops", "counter", NULL, "Packets dropped, by reason.");
	print_counter(out, counters, COUNTER_DROP, "pinpool_drops", "reason", false);
	family(out, "pinpool_dropped_bytes", "counter", "bytes", "Bytes of packets dropped, by reason.");
	print_counter(out, counters, COUNTER_DROP, "pinpool_dropped_bytes", "reason", true);
	family(out, "pinpool_flow_changes", "counter", NULL, "Changes of the flow table.");
	print_counter(out, counters, COUNTER_FLOW, "pinpool_flow_changes", "change", false);
}

static void print_memory(FILE *out, const struct pinned *list, size_t count)
{
	for (int program = 0; program < 2; program++) {
		const char *what = program ? "program" : "map";

		fprintf(out, "# TYPE pinpool_%s_memory_bytes gauge\n# UNIT pinpool_%s_memory_bytes bytes\n",
		       what, what);
		fprintf(out, "# HELP pinpool_%s_memory_bytes Memory of each pinned %s as the kernel counts it.\n",
		       what, what);
		for (size_t i = 0; i < count; i++)
			if (list[i].program == program)
				fprintf(out, "pinpool_%s_memory_bytes{%s=\"%s\"} %llu\n", what, what,
				       list[i].name, (unsigned long long)list[i].bytes);
	}
}

int metrics_write(struct context *node, FILE *out, struct error *e)
{
	struct counter counters[STATS_COUNT];
	struct pinned *pinned = NULL;
	struct state state;
	size_t pinned_count;
	int err = state_read(node, STATE_POOLS | STATE_BLOCKS | STATE_LEASES, &state, e);

	if (err)
		return err;
	err = counters_read(&node->pins, counters, e);
	if (!err)
		err = pinned_list(&node->pins, &pinned, &pinned_count, e);
	if (!err) {
		print_build(out, node);
		print_pools(out, &state);
		print_blocks(out, &state);
		print_leases(out, state.leases, state.lease_count);
		print_pendings(out, &node->pins);
		print_agent(out, node);
		print_flows(out, &node->pins);
		print_pod_flows(out, &node->pins);
		print_counters(out, counters);
		print_memory(out, pinned, pinned_count);
	}
	state_free(&state);
	free(pinned);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Masquerade: whether new flows find room and ports, and whether the node's own traffic crosses them.
 * Counters only grow, so what counts is what happened within RECENT seconds.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/clock.h"
#include "loader/check/health_parts.h"
#include "loader/kernel/map.h"
#include "maps/node_conns.h"
#include "maps/stats.h"

#define RECENT 600 /* seconds */
#define PORTS_SHOWN 4

/* Seconds since a drop of @reason on any CPU; -1: none was recent. */
static int last_drop(struct pins *pins, const struct clock *clock, enum stat reason)
{
	int fd = pins_map(pins, PIN_DROP_TIMES), cpus = libbpf_num_possible_cpus(), last = -1;
	__u32 index = reason;
	uint64_t *times; /* the kernel rounds each CPU's value up to 8 bytes */

	if (fd < 0 || cpus < 1)
		return -1;
	times = xcalloc(cpus, sizeof(*times));
	if (!bpf_map_lookup_elem(fd, &index, times))
		for (int i = 0; i < cpus; i++) {
			uint32_t unit = *(uint32_t *)&times[i];
			int age = -clock_seconds_left(clock, unit);

			if (unit && age <= RECENT && (last < 0 || age < last))
				last = age < 0 ? 0 : age;
		}
	free(times);
	return last;
}

/* Refusals that the operator can end. */
static const struct {
	enum stat reason;
	const char *text;
	const char *advice;
} refusals[] = {
	{ STAT_TABLE_FULL, "new flows were refused, the table was full",
	  "'pinpool up --set bpf-nat-max=N' makes room" },
	{ STAT_NO_PORT, "new flows were refused, all ports to their destination were in use",
	  "'pinpool up --set snat-port-range=LOW-HIGH' gives more" },
	{ STAT_NO_ADDRESS, "new flows were refused, the uplink had no address to masquerade as",
	  "give it one and run 'pinpool apply'" },
};

/* The records in use, and how many there are; 0: unknown. */
static uint32_t read_usage(struct pins *pins, uint32_t *max)
{
	int table = pins_map(pins, PIN_FLOW_TABLE), flows = pins_map(pins, PIN_FLOWS);
	struct bpf_map_info info = {};
	__u32 zero = 0, size = sizeof(info);
	struct flow_table t = {};

	*max = 0;
	if (table < 0 || flows < 0 || bpf_obj_get_info_by_fd(flows, &info, &size) ||
	    bpf_map_lookup_elem(table, &zero, &t))
		return 0;
	*max = info.max_entries;
	return t.used;
}

static void health_flows(struct health *h, struct examination *x, const struct clock *clock)
{
	struct health_part *p = part_begin(h, "flows");
	uint32_t max, used = read_usage(&x->node->pins, &max);

	if (!max)
		part_fail(p, "the flow table cannot be read; run 'pinpool up'");
	part_note(p, "%u of %u in use", used, max);
	if (max && used >= max - max / 10)
		part_fail(p, "%u of %u in use; 'pinpool get flows' shows by whom, 'pinpool up --set bpf-nat-max=N' makes room",
			  used, max);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		int age = last_drop(&x->node->pins, clock, refusals[i].reason);

		if (age >= 0)
			part_fail(p, "%s %d s ago; %s", refusals[i].text, age, refusals[i].advice);
	}
}

struct node_conn_entry {
	struct flow_key answer;
	struct node_conn conn;
};

static int compare_port(const void *a, const void *b)
{
	const struct flow_key *x = &((const struct node_conn_entry *)a)->answer;
	const struct flow_key *y = &((const struct node_conn_entry *)b)->answer;

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return (int)x->destination_port - y->destination_port;
}

/* The node's own TCP and UDP of @list from ports of the range come first; how many. */
static size_t keep_own(struct node_conn_entry *list, size_t count, const struct options *o,
		       const struct clock *clock)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct flow_key *key = &list[i].answer;

		if ((key->protocol == PROTOCOL_TCP || key->protocol == PROTOCOL_UDP) &&
		    list[i].conn.origin == NODE_CONN_SENT &&
		    (int32_t)(list[i].conn.expires - clock->now) >= 0 &&
		    key->destination_port >= o->snat_port_min &&
		    key->destination_port <= o->snat_port_max)
			list[n++] = list[i];
	}
	return n;
}

/* "tcp 50000, udp 51820 and 3 more"; how many there are. */
static size_t list_ports(struct node_conn_entry *list, size_t count, char *text, size_t size)
{
	size_t ports = 0, used = 0;

	if (count)
		qsort(list, count, sizeof(*list), compare_port);
	*text = 0;
	for (size_t i = 0; i < count; i++) {
		if (i && !compare_port(&list[i - 1], &list[i]))
			continue;
		if (ports++ < PORTS_SHOWN)
			used += snprintf(text + used, size - used, "%s%s %u", used ? ", " : "",
					 list[i].answer.protocol == PROTOCOL_TCP ? "tcp" : "udp",
					 list[i].answer.destination_port);
	}
	if (ports > PORTS_SHOWN)
		snprintf(text + used, size - used, " and %zu more", ports - PORTS_SHOWN);
	return ports;
}

static void health_ports(struct health *h, struct examination *x, const struct clock *clock)
{
	struct health_part *p = part_begin(h, "ports");
	struct node_conn_entry *list = NULL;
	size_t count = 0;
	char text[128];

	if (MAP_READ(&x->node->pins, PIN_NODE_CONNS, list, count, answer, conn, NULL))
		part_fail(p, "pp_node_conns cannot be read; run 'pinpool up'");
	count = keep_own(list, count, &x->options, clock);
	part_note(p, "%u-%u are pods' alone", x->options.snat_port_min, x->options.snat_port_max);
	if (list_ports(list, count, text, sizeof(text)))
		part_fail(p, "the node itself uses %s of snat-port-range; move it, or leave it out with 'pinpool up --set snat-port-range=LOW-HIGH'",
			  text);
	free(list);
}

void health_nat(struct health *h, struct examination *x)
{
	struct clock clock;
	int err = clock_read(&x->node->pins, &clock);

	if (err) {
		part_fail(part_begin(h, "flows"), "clock: %s; run 'pinpool up'", strerror(-err));
		return;
	}
	health_flows(h, x, &clock);
	health_ports(h, x, &clock);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The part of a node's health that tells which pod leaves the others no flows or ports. */
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/flow_shares.h"
#include "loader/kernel/flows.h"
#include "loader/check/health_parts.h"
#include "loader/base/prefix.h"

#define NAMED_MAX 3 /* more would leave no room for what to do */

/* From so full on a pod above its share gives way to others. */
static bool is_scarce(uint32_t used, uint32_t total)
{
	return used >= total - total / 10;
}

static void check_table(struct health_part *p, const struct flow_shares *shares)
{
	uint32_t share = fair_share(shares->max, shares->count);

	if (!is_scarce(shares->used, shares->max))
		return;
	for (size_t i = 0; i < shares->count && shares->list[i].flows > share; i++)
		if (i < NAMED_MAX)
			part_fail(p, "pod %s has %u of %u flows, above its fair share of %u",
				  shares->list[i].pod, shares->list[i].flows, shares->max, share);
}

/* To whom the ports of a run of flows lead, then whose they are. */
static int by_destination(const void *a, const void *b)
{
	const struct flow *x = &((const struct flow_entry *)a)->flow;
	const struct flow *y = &((const struct flow_entry *)b)->flow;
	int order = addr_compare(&x->forward.destination, &y->forward.destination);

	if (!order)
		order = addr_compare(&x->masq_address, &y->masq_address);
	if (!order)
		order = (int)x->forward.protocol - (int)y->forward.protocol;
	return order ? order : x->forward.destination_port - y->forward.destination_port;
}

static int by_pod(const void *a, const void *b)
{
	const struct flow *x = &((const struct flow_entry *)a)->flow;
	const struct flow *y = &((const struct flow_entry *)b)->flow;

	return (x->pod > y->pod) - (x->pod < y->pod);
}

/* @run: all flows to one destination, which has @ports. True: a pod has too many of them. */
static bool check_run(struct health_part *p, const struct flow_shares *shares,
		      struct flow_entry *run, size_t count, uint32_t ports)
{
	const struct flow_key *key = &run->flow.forward;
	size_t pods = 0, most = 0, first = 0, length;
	char address[ADDR_TEXT], number[12];

	if ((key->protocol != PROTOCOL_TCP && key->protocol != PROTOCOL_UDP) || !is_scarce(count, ports))
		return false;
	qsort(run, count, sizeof(*run), by_pod);
	for (size_t i = 0; i < count; i += length, pods++) {
		for (length = 1; i + length < count && !by_pod(&run[i], &run[i + length]);)
			length++;
		if (length > most) {
			most = length;
			first = i;
		}
	}
	if (most <= fair_share(ports, pods))
		return false;
	part_fail(p, "pod %s has %zu of %u ports to %s %s port %u, above its fair share of %u",
		  flow_shares_name(shares, run[first].flow.pod), most, ports,
		  protocol_name(key->protocol, number), addr_format(&key->destination, address),
		  key->destination_port, fair_share(ports, pods));
	return true;
}

static void check_ports(struct health_part *p, struct examination *x,
			const struct flow_shares *shares)
{
	uint32_t ports = x->options.snat_port_max - x->options.snat_port_min + 1;
	struct flow_entry *list;
	size_t count, length;
	unsigned int named = 0;
	struct clock clock;
	struct error e;

	if (!is_scarce(shares->used, ports))
		return;
	if (flows_read(&x->node->pins, &list, &count, &clock, &e)) {
		part_fail(p, "%s", e.text);
		return;
	}
	if (count)
		qsort(list, count, sizeof(*list), by_destination);
	for (size_t i = 0; i < count && named < NAMED_MAX; i += length) {
		for (length = 1; i + length < count && !by_destination(&list[i], &list[i + length]);)
			length++;
		named += check_run(p, shares, &list[i], length, ports);
	}
	free(list);
}

void health_flow_share(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "shares");
	struct flow_shares shares;
	struct error e;

	if (flow_shares_read(&x->node->pins, &shares, &e)) {
		part_fail(p, "%s", e.text);
		part_end(p, "run 'pinpool up'");
		return;
	}
	part_note(p, "%zu pods have flows", shares.count);
	if (shares.count)
		part_note(p, "most %s: %u of %u", shares.list[0].pod, shares.list[0].flows, shares.max);
	check_table(p, &shares);
	check_ports(p, x, &shares);
	part_end(p, "its oldest flows give way to other pods'; stop it, or raise bpf-nat-max or snat-port-range");
	flow_shares_free(&shares);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Which pod has how many flows. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/flow_shares.h"
#include "loader/kernel/map.h"

struct pod_flows_entry {
	uint32_t slot;
	struct pod_flows flows;
};

static int read_table(struct pins *pins, struct flow_shares *shares, struct error *e)
{
	int table = pins_map(pins, PIN_FLOW_TABLE), flows = pins_map(pins, PIN_FLOWS);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), zero = 0;
	struct flow_table value;

	if (table < 0 || bpf_map_lookup_elem(table, &zero, &value))
		return pins_error(pins, "pp_flow_table", table < 0 ? table : -errno, e);
	if (flows < 0 || bpf_obj_get_info_by_fd(flows, &info, &size))
		return pins_error(pins, "pp_flows", flows < 0 ? flows : -errno, e);
	shares->used = value.used;
	shares->max = info.max_entries;
	return 0;
}

static int read_counts(struct pins *pins, struct flow_shares *shares, struct error *e)
{
	struct pod_flows_entry *list;
	size_t count;
	int err = MAP_READ(pins, PIN_POD_FLOWS, list, count, slot, flows, e);

	if (err)
		return err;
	shares->list = xcalloc(count ? count : 1, sizeof(*shares->list));
	for (size_t i = 0; i < count; i++)
		if (list[i].flows.count)
			shares->list[shares->count++] = (struct pod_share){
				.slot = list[i].slot, .flows = list[i].flows.count,
			};
	free(list);
	return 0;
}

static int by_slot(const void *a, const void *b)
{
	const struct pod_share *x = a, *y = b;

	return (x->slot > y->slot) - (x->slot < y->slot);
}

static int by_flows(const void *a, const void *b)
{
	const struct pod_share *x = a, *y = b;

	return x->flows == y->flows ? by_slot(a, b) : x->flows < y->flows ? 1 : -1;
}

/* The counts come in the order of the slots. */
static int name_pods(struct pins *pins, struct flow_shares *shares, struct error *e)
{
	struct lease_entry *leases;
	size_t count;
	int err = ipam_leases(pins, &leases, &count, e);

	if (err)
		return err;
	for (size_t i = 0; i < shares->count; i++)
		snprintf(shares->list[i].pod, POD_TEXT, "slot %u", shares->list[i].slot);
	for (size_t i = 0; i < count; i++) {
		const struct lease *l = &leases[i].lease;
		struct pod_share key = { .slot = l->slot }, *share;

		share = bsearch(&key, shares->list, shares->count, sizeof(key), by_slot);
		if (!share)
			continue;
		if (l->pod[0])
			snprintf(share->pod, POD_TEXT, "%.63s/%s", l->namespace, l->pod);
		else
			snprintf(share->pod, POD_TEXT, "%s", leases[i].owner.id);
	}
	free(leases);
	return 0;
}

int flow_shares_read(struct pins *pins, struct flow_shares *shares, struct error *e)
{
	int err;

	memset(shares, 0, sizeof(*shares));
	err = read_table(pins, shares, e);
	if (!err)
		err = read_counts(pins, shares, e);
	if (!err)
		err = name_pods(pins, shares, e);
	if (err)
		flow_shares_free(shares);
	else
		qsort(shares->list, shares->count, sizeof(*shares->list), by_flows);
	return err;
}

void flow_shares_free(struct flow_shares *shares)
{
	free(shares->list);
	memset(shares, 0, sizeof(*shares));
}

const char *flow_shares_name(const struct flow_shares *shares, uint32_t slot)
{
	for (size_t i = 0; i < shares->count; i++)
		if (shares->list[i].slot == slot)
			return shares->list[i].pod;
	return "a pod that has gone";
}

uint32_t fair_share(uint32_t total, size_t pods)
{
	uint32_t share = pods ? total / pods : total;

	return share ? share : 1;
}

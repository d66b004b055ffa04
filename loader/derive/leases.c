// SPDX-License-Identifier: GPL-2.0-only
/* Names, slots and addresses of pods as they follow from the leases. */
#include <string.h>

#include "loader/derive/derive.h"

static void add_pools(const struct state *s, struct row_list *rows)
{
	static const struct pool_cidr unknown;

	for (size_t i = 0; i < s->pool_count; i++) {
		const struct pool_entry *p = &s->pools[i];
		struct pool_cidr_key key = { .pool = p->id };

		rows_add(&rows[MAP_POOL_IDS], p->pool.name, &p->id);
		for (int f = 0; f < FAMILIES; f++) {
			key.family = f;
			for (key.index = 0;
			     key.index < p->pool.family[f].cidrs && key.index < POOL_FAMILY_CIDRS; key.index++)
				rows_add(&rows[MAP_POOL_CIDRS], &key, &unknown);
		}
	}
}

/* A published pod's addresses lead to its slot. */
static void add_addresses(const struct state *s, struct row_list *rows)
{
	for (size_t i = 0; i < s->lease_count; i++) {
		const struct lease *l = &s->leases[i].lease;
		const struct pod_ip ip = { .slot = l->slot, .generation = l->generation };

		if (l->state != LEASE_BOUND || state_lease_of(s, l->slot) != &s->leases[i])
			continue;
		for (int f = 0; f < FAMILIES; f++)
			if (l->ip[f].block)
				rows_add(&rows[MAP_POD_IPS], &l->ip[f].address, &ip);
	}
}

/* A slot without lease is free; one that is not its lease's becomes a reserved one of it. */
static struct pod expected_pod(const struct lease *lease, struct pod pod)
{
	if (!lease && pod.state == POD_FREE)
		return pod;
	if (!lease || pod.generation != lease->generation)
		memset(&pod, 0, sizeof(pod));
	if (!lease)
		return pod;
	pod.generation = lease->generation;
	if (lease->state != LEASE_BOUND || pod.state == POD_FREE)
		pod.state = POD_RESERVED;
	if (pod.state != POD_READY)
		return pod;
	pod.ifindex = lease->ifindex;
	for (int f = 0; f < FAMILIES; f++)
		if (lease->ip[f].block)
			pod.ip[f] = lease->ip[f].address;
	return pod;
}

static void add_slots(const struct state *s, struct row_list *rows)
{
	for (size_t i = 0; i < s->pod_count; i++) {
		const struct lease_entry *l = state_lease_of(s, s->pods[i].slot);
		struct pod pod = expected_pod(l ? &l->lease : NULL, s->pods[i].pod);

		rows_add(&rows[MAP_PODS], &s->pods[i].slot, &pod);
	}
}

int lease_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	struct row_list excluded;
	int err = rows_read(x->node, &derived_tables[MAP_EXCLUDED], &excluded, e);

	if (err)
		return err;
	sum_rows(x->state, &excluded, rows);
	add_pools(x->state, rows);
	add_addresses(x->state, rows);
	add_slots(x->state, rows);
	rows_free(&excluded);
	return 0;
}

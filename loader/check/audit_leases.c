// SPDX-License-Identifier: GPL-2.0-only
/* Leases, which all else is compared with. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/check/audit_parts.h"
#include "loader/base/process.h"

const char *lease_text(const struct lease_entry *l, char text[LEASE_TEXT])
{
	const char *comma = l->owner.ifname[0] ? ", " : "";

	if (l->lease.pod[0])
		snprintf(text, LEASE_TEXT, "pod %s/%s (owner %s%s%s)", l->lease.namespace,
			 l->lease.pod, l->owner.id, comma, l->owner.ifname);
	else
		snprintf(text, LEASE_TEXT, "owner %s%s%s", l->owner.id, comma, l->owner.ifname);
	return text;
}

static void check_address(struct audit *a, const char *who, const struct lease_ip *ip,
			  enum family f)
{
	const struct block_entry *entry = state_block(&a->s, ip->block);
	const struct block *b = entry ? &entry->block : NULL;
	char text[ADDR_TEXT], cidr[PREFIX_TEXT];
	uint64_t offset;

	addr_format(&ip->address, text);
	if (!b) {
		violation(a, "%s: its address %s lies in block %u, which does not exist", who, text,
			  ip->block);
		return;
	}
	offset = addr_distance(&ip->address, &b->prefix.addr);
	prefix_format(&b->prefix, cidr);
	if (!prefix_contains(&b->prefix, &ip->address))
		violation(a, "%s: its address %s lies outside its block %s", who, text, cidr);
	else if (offset < b->low || offset >= b->high)
		violation(a, "%s: its address %s is reserved in block %s", who, text, cidr);
	if (b->pool != ip->pool || b->family != f)
		violation(a, "%s: its block %s is not of its pool and family", who, cidr);
}

static void check_state(struct audit *a, const struct lease_entry *l, const char *who)
{
	const struct lease *lease = &l->lease;
	bool pod = lease->state != LEASE_HELD;

	if (lease->state < LEASE_HELD || lease->state > LEASE_DYING)
		violation(a, "%s: its state is %d, which is none", who, lease->state);
	else if (lease->state == LEASE_DYING)
		violation(a, "%s: is dying and nobody removes it", who);
	else if (lease->state == LEASE_RESERVED &&
		 !process_alive(lease->creator_pid, lease->creator_start))
		violation(a, "%s: is reserved and its process %u is dead", who,
			  lease->creator_pid);
	if (!lease->ip[0].block && !lease->ip[1].block)
		violation(a, "%s: has no address", who);
	if (pod != (lease->slot != NO_SLOT) || (pod && lease->slot >= PODS_MAX))
		violation(a, "%s: its slot is %u", who, lease->slot);
}

/* What overlaps something that no pod may have; and a slot that is another lease's too. */
static void check_conflicts(struct audit *a, const struct lease_entry *l, const char *who)
{
	char ip[ADDR_TEXT], text[EXCLUSION_TEXT];

	if (l->lease.slot < PODS_MAX && state_lease_of(&a->s, l->lease.slot) != l)
		violation(a, "%s: slot %u is another lease's too", who, l->lease.slot);
	for (int f = 0; f < FAMILIES; f++) {
		struct prefix prefix = prefix_of(&l->lease.ip[f].address, 128);
		const struct exclusion *found = NULL;

		if (l->lease.ip[f].block)
			found = excluded_find(&a->s.exclusions, &prefix);
		if (found)
			violation(a, "%s: its address %s overlaps %s; remove the pod", who,
				  addr_format(&prefix.addr, ip), exclusion_text(found, text));
	}
}

struct owned {
	struct addr addr;
	size_t lease;
};

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static void check_duplicates(struct audit *a)
{
	struct owned *list = xcalloc(a->s.lease_count * FAMILIES, sizeof(*list));
	char x[LEASE_TEXT], y[LEASE_TEXT], text[ADDR_TEXT];
	size_t n = 0;

	for (size_t i = 0; i < a->s.lease_count; i++)
		for (int f = 0; f < FAMILIES; f++)
			if (a->s.leases[i].lease.ip[f].block)
				list[n++] = (struct owned){ a->s.leases[i].lease.ip[f].address, i };
	if (n)
		qsort(list, n, sizeof(*list), by_addr);
	for (size_t i = 1; i < n; i++)
		if (!addr_compare(&list[i - 1].addr, &list[i].addr))
			violation(a, "address %s: both %s and %s have it; remove one of them",
				  addr_format(&list[i].addr, text),
				  lease_text(&a->s.leases[list[i - 1].lease], x),
				  lease_text(&a->s.leases[list[i].lease], y));
	free(list);
}

void audit_leases(struct audit *a)
{
	char who[LEASE_TEXT];

	for (size_t i = 0; i < a->s.lease_count; i++) {
		const struct lease_entry *l = &a->s.leases[i];

		lease_text(l, who);
		check_state(a, l, who);
		check_conflicts(a, l, who);
		for (int f = 0; f < FAMILIES; f++)
			if (l->lease.ip[f].block)
				check_address(a, who, &l->lease.ip[f], f);
	}
	check_duplicates(a);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Leases, and the endpoints that they publish. */
#include <stdlib.h>
#include <string.h>

#include "loader/check/audit_parts.h"
#include "loader/kernel/map.h"
#include "loader/base/process.h"
#include "loader/net/route.h" /* addr_is_zero */

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
	int64_t n = snapshot_block(&a->s, ip->block);
	const struct block *b = n < 0 ? NULL : &a->w.blocks[n];
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
		 !process_alive(lease->maker_pid, lease->maker_start))
		violation(a, "%s: is reserved and its maker, process %u, is dead", who,
			  lease->maker_pid);
	if (!lease->ip[0].block && !lease->ip[1].block)
		violation(a, "%s: has no address", who);
	if (pod != (lease->slot != NO_SLOT) || (pod && lease->slot >= PODS_MAX))
		violation(a, "%s: its slot is %u", who, lease->slot);
}

void audit_slot(struct audit *a, size_t i, const char *who)
{
	const struct lease *lease = &a->s.leases[i].lease;
	const struct pod *pod;

	if (lease->slot >= PODS_MAX || lease->slot >= a->s.pod_count)
		return;
	if (a->s.lease_of_slot[lease->slot] != (int32_t)i) {
		violation(a, "%s: slot %u is another lease's too", who, lease->slot);
		return;
	}
	pod = &a->s.pods[lease->slot].pod;
	if (pod->generation != lease->generation)
		violation(a, "%s: slot %u has generation %u and must have %u", who, lease->slot,
			  pod->generation, lease->generation);
	else if ((pod->state == POD_READY) != (lease->state == LEASE_BOUND))
		violation(a, "%s: is %s and slot %u is %s", who, lease_state_name(lease->state),
			  lease->slot, pod->state == POD_READY ? "published" : "not published");
	else if (pod->state == POD_READY && pod->ifindex != lease->ifindex)
		violation(a, "%s: slot %u has interface %u and must have %u", who, lease->slot,
			  pod->ifindex, lease->ifindex);
	for (int f = 0; f < FAMILIES && pod->state == POD_READY; f++)
		if (lease->ip[f].block && addr_compare(&pod->ip[f], &lease->ip[f].address))
			violation(a, "%s: slot %u has another %s address", who, lease->slot,
				  family_name(f));
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
		audit_slot(a, i, who);
		for (int f = 0; f < FAMILIES; f++)
			if (l->lease.ip[f].block)
				check_address(a, who, &l->lease.ip[f], f);
	}
	check_duplicates(a);
}

/* A published pod's addresses lead to its slot. */
void audit_published(struct audit *a, const struct pod_entry *p)
{
	char text[ADDR_TEXT];

	for (int f = 0; f < FAMILIES && p->pod.state == POD_READY; f++) {
		const struct pod_ip_entry *found = snapshot_pod_ip(&a->s, &p->pod.ip[f]);

		if (addr_is_zero(&p->pod.ip[f]))
			continue;
		if (!found || found->ip.slot != p->slot ||
		    found->ip.generation != p->pod.generation)
			violation(a, "slot %u: pp_pod_ips does not lead from %s to it", p->slot,
				  addr_format(&p->pod.ip[f], text));
	}
}

static bool has_address(const struct audit *a, const struct pod_ip_entry *e)
{
	const struct pod *pod = e->ip.slot < a->s.pod_count ? &a->s.pods[e->ip.slot].pod : NULL;

	if (!pod || pod->state != POD_READY || pod->generation != e->ip.generation)
		return false;
	return !addr_compare(&e->addr, &pod->ip[0]) || !addr_compare(&e->addr, &pod->ip[1]);
}

void audit_pods(struct audit *a)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < a->s.pod_count; i++) {
		const struct pod_entry *p = &a->s.pods[i];

		if (p->pod.state == POD_FREE)
			continue;
		if (p->slot >= PODS_MAX || a->s.lease_of_slot[p->slot] < 0)
			violation(a, "slot %u: is in use and no lease has it", p->slot);
		audit_published(a, p);
	}
	for (size_t i = 0; i < a->s.pod_ip_count; i++)
		if (!has_address(a, &a->s.pod_ips[i]))
			violation(a, "address %s: is in pp_pod_ips and no pod has it",
				  addr_format(&a->s.pod_ips[i].addr, text));
}

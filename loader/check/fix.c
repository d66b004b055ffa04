// SPDX-License-Identifier: GPL-2.0-only
/*
 * Repairs, in an order in which each can rely on those before: the lock, lost leases, their
 * blocks, the numbers, the interfaces, what crashes left, what is derived. Each step can be
 * repeated.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/apply/apply.h"
#include "loader/check/audit_parts.h"
#include "loader/blocks/blocks.h"
#include "loader/kernel/flows.h"
#include "loader/kernel/map.h"
#include "loader/pod/pod.h"
#include "loader/pod/follow.h"
#include "loader/pod/restore.h"
#include "loader/host/repair.h"
#include "loader/net/route.h" /* addr_is_zero */

static int write_entry(struct node *node, enum pinned_map map, const void *key, const void *value,
		       struct error *e)
{
	if (!bpf_map_update_elem(pins_map(&node->pins, map), key, value, BPF_ANY))
		return 0;
	return error_set(e, -errno, "%s: cannot write: %s", pinned_map_names[map], strerror(errno));
}

/*
 * Nobody runs a transaction while we have the root's lock exclusively: a lock that is taken is
 * forgotten.
 */
static int free_lock(struct node *node, struct error *e)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	__u32 zero = 0;
	struct ipam ipam;
	int err = ipam_read(&node->pins, &ipam, e);

	if (err || !ipam.lock)
		return err;
	nanosleep(&nap, NULL); /* a killed caller's transaction still runs to its end */
	err = ipam_read(&node->pins, &ipam, e);
	ipam.lock = 0;
	return err ? err : write_entry(node, PIN_IPAM, &zero, &ipam, e);
}

/* The block that now holds the address: one that is there, or one taken again from its pool. */
static int find_block(struct node *node, struct lease_ip *ip)
{
	enum family f = addr_family(&ip->address);
	struct inventory inv;
	struct prefix prefix;
	struct pool pool;
	int err = -ENOENT;

	for (int tries = 0; tries < 2 && err; tries++) {
		if (inventory_read(&node->pins, &inv, NULL))
			return -EIO;
		for (size_t i = 0; i < inv.block_count && err; i++) {
			if (!prefix_contains(&inv.blocks[i].block.prefix, &ip->address))
				continue;
			ip->block = inv.blocks[i].id;
			err = 0;
		}
		inventory_free(&inv);
		if (!err || tries || ipam_pool_read(&node->pins, ip->pool, &pool) ||
		    !pool.family[f].mask_length)
			break;
		prefix = prefix_of(&ip->address, pool.family[f].mask_length);
		blocks_occupy(node, pool.name, &prefix, NULL);
	}
	return err;
}

/* Leases whose block is gone. What finds no block stays as it is and is reported. */
static int rehouse(struct node *node, const struct snapshot *s, struct error *e)
{
	int err = 0;

	for (size_t i = 0; i < s->lease_count && !err; i++) {
		struct lease lease = s->leases[i].lease;
		bool changed = false;

		for (int f = 0; f < FAMILIES; f++)
			if (lease.ip[f].block && snapshot_block(s, lease.ip[f].block) < 0)
				changed |= !find_block(node, &lease.ip[f]);
		if (changed)
			err = write_entry(node, PIN_LEASES, &s->leases[i].owner, &lease, e);
	}
	return err;
}

static int fix_chunks(struct node *node, const struct snapshot *s, const struct wanted *w,
		      struct error *e)
{
	int err = 0;

	for (size_t i = 0; i < s->chunk_count; i++) {
		int64_t n = snapshot_block(s, s->chunks[i].key.block);

		if (n < 0 || s->chunks[i].key.chunk >= block_chunks(&w->blocks[n]))
			bpf_map_delete_elem(pins_map(&node->pins, PIN_IPS), &s->chunks[i].key);
	}
	for (size_t i = 0; i < s->excluded_count; i++)
		if (snapshot_block(s, s->excluded[i].key.block) < 0)
			bpf_map_delete_elem(pins_map(&node->pins, PIN_EXCLUDED), &s->excluded[i].key);
	for (size_t n = 0; n < s->inv.block_count; n++) {
		struct ips_key key = { .block = s->inv.blocks[n].id };

		for (; key.chunk < block_chunks(&w->blocks[n]) && !err; key.chunk++)
			err = write_entry(node, PIN_IPS, &key,
					  w->words + w->start[n] + key.chunk * CHUNK_WORDS, e);
	}
	return err;
}

static int fix_numbers(struct node *node, const struct snapshot *s, const struct wanted *w,
		       struct error *e)
{
	int err = fix_chunks(node, s, w, e);
	__u32 zero = 0;

	for (size_t n = 0; n < s->inv.block_count && !err; n++)
		if (memcmp(&w->blocks[n], &s->inv.blocks[n].block, sizeof(w->blocks[n])))
			err = write_entry(node, PIN_BLOCKS, &s->inv.blocks[n].id, &w->blocks[n], e);
	for (size_t n = 0; n < s->inv.pool_count && !err; n++)
		if (memcmp(&w->pools[n], &s->inv.pools[n].pool, sizeof(w->pools[n])))
			err = write_entry(node, PIN_POOLS, &s->inv.pools[n].id, &w->pools[n], e);
	if (!err && memcmp(&w->ipam, &s->ipam, sizeof(w->ipam)))
		err = write_entry(node, PIN_IPAM, &zero, &w->ipam, e);
	return err;
}

static int fix_names(struct node *node, const struct snapshot *s, struct error *e)
{
	int err = 0;

	for (size_t i = 0; i < s->pool_id_count; i++) {
		const struct pool *p = inventory_pool(&s->inv, s->pool_ids[i].id);

		if (!p || strncmp(p->name, s->pool_ids[i].name.name, PP_NAME))
			bpf_map_delete_elem(pins_map(&node->pins, PIN_POOL_IDS),
					    &s->pool_ids[i].name);
	}
	for (size_t i = 0; i < s->inv.pool_count && !err; i++)
		err = write_entry(node, PIN_POOL_IDS, s->inv.pools[i].pool.name,
				  &s->inv.pools[i].id, e);
	for (size_t i = 0; i < s->pool_cidr_count; i++) {
		const struct pool_cidr_key *k = &s->pool_cidrs[i].key;
		const struct pool *p = inventory_pool(&s->inv, k->pool);

		if (!p || k->family >= FAMILIES || k->index >= p->family[k->family].cidrs)
			bpf_map_delete_elem(pins_map(&node->pins, PIN_POOL_CIDRS), k);
	}
	return err;
}

/* A slot without lease is freed; one that is not its lease's becomes a reserved one of it. */
static int fix_slot(struct node *node, const struct snapshot *s, const struct pod_entry *p,
		    struct error *e)
{
	int32_t i = s->lease_of_slot[p->slot];
	const struct lease *lease = i < 0 ? NULL : &s->leases[i].lease;
	struct pod pod = p->pod;

	if (!lease && pod.state == POD_FREE)
		return 0;
	if (!lease || pod.generation != lease->generation)
		memset(&pod, 0, sizeof(pod));
	if (lease) {
		pod.generation = lease->generation;
		if (lease->state != LEASE_BOUND || pod.state == POD_FREE)
			pod.state = POD_RESERVED;
	}
	if (!memcmp(&pod, &p->pod, sizeof(pod)))
		return 0;
	return write_entry(node, PIN_PODS, &p->slot, &pod, e);
}

static int fix_slots(struct node *node, const struct snapshot *s, struct error *e)
{
	int err = 0;

	for (size_t i = 0; i < s->pod_ip_count; i++) {
		const struct pod_ip_entry *p = &s->pod_ips[i];
		int32_t l = p->ip.slot < PODS_MAX ? s->lease_of_slot[p->ip.slot] : -1;
		const struct lease *lease = l < 0 ? NULL : &s->leases[l].lease;

		if (!lease || lease->state != LEASE_BOUND ||
		    lease->generation != p->ip.generation ||
		    (addr_compare(&p->addr, &lease->ip[0].address) &&
		     addr_compare(&p->addr, &lease->ip[1].address)))
			bpf_map_delete_elem(pins_map(&node->pins, PIN_POD_IPS), &p->addr);
	}
	for (size_t i = 0; i < s->pod_count && i < PODS_MAX && !err; i++)
		err = fix_slot(node, s, &s->pods[i], e);
	return err;
}

/* Interfaces of bound leases that are not whole; those that cannot be made again are gc's. */
static int fix_links(struct node *node, struct netlink *nl, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), err;
	struct audit a = { .node = node, .nl = nl };
	char who[LEASE_TEXT];

	err = snapshot_read(node, &a.s, e);
	for (size_t i = 0; !err && i < a.s.lease_count; i++) {
		const struct lease_entry *l = &a.s.leases[i];
		size_t before = a.count;

		if (l->lease.state != LEASE_BOUND || l->lease.slot >= a.s.pod_count ||
		    a.s.lease_of_slot[l->lease.slot] != (int32_t)i)
			continue;
		audit_slot(&a, i, lease_text(l, who));
		audit_published(&a, &a.s.pods[l->lease.slot]);
		audit_pod_link(&a, l, program);
		if (a.count != before)
			pod_restore(node, nl, l, &a.s.pods[l->lease.slot].pod, NULL);
	}
	snapshot_free(&a.s);
	return err;
}

static int remove_half_links(struct netlink *nl, struct error *e)
{
	struct pod_link_entry *links;
	size_t count;
	int err = pod_link_list(nl, &links, &count, e);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (links[i].kind == POD_LINK_HALF)
			link_delete(nl, links[i].ifindex);
	free(links);
	return netlink_flush(nl, e);
}

static int fix_maps(struct node *node, struct error *e)
{
	struct snapshot s;
	struct wanted w;
	int err = snapshot_read(node, &s, e);

	if (err)
		return err;
	err = rehouse(node, &s, e);
	snapshot_free(&s);
	if (!err)
		err = snapshot_read(node, &s, e);
	if (err)
		return err;
	wanted_build(&s, &w);
	err = fix_numbers(node, &s, &w, e);
	if (!err)
		err = fix_names(node, &s, e);
	if (!err)
		err = fix_slots(node, &s, e);
	wanted_free(&w);
	snapshot_free(&s);
	return err;
}

/* An uplink that cannot be attached is no reason to leave the rest. */
static int fix_host(struct node *node, struct netlink *nl, const struct options *options,
		    struct error *e)
{
	struct repair r;
	int first = repair_host(node, nl, options, UPLINKS_KEEP, &r, e), err;

	err = apply_reconcile(node, options, true, first ? NULL : e);
	return first ? first : err;
}

int audit_fix(struct node *node, struct netlink *nl, struct error *e)
{
	struct options options = {};
	unsigned int freed, flows;
	size_t made;
	int err = free_lock(node, e);

	if (!err)
		err = audit_rebuild(node, nl, &made, e);
	if (!err)
		err = fix_maps(node, e);
	/* before a link counts as damaged because somebody gave it another MAC */
	if (!err)
		err = pod_follow_all(node, nl, e);
	if (!err)
		err = fix_links(node, nl, e);
	if (!err)
		err = remove_half_links(nl, e);
	if (!err)
		err = pod_gc(node, nl, &freed, e);
	if (err >= 0)
		err = flows_end_stale(&node->pins, nl, &flows, e);
	/* a pool that ran dry (BLOCKS_DRY) is no damage */
	if (err >= 0)
		err = node_options(node, &options, e);
	if (!err)
		err = fix_host(node, nl, &options, e);
	options_free(&options);
	return err < 0 ? err : 0;
}

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
#include "loader/pod/pod.h"
#include "loader/pod/follow.h"
#include "loader/pod/link_list.h"
#include "loader/pod/restore.h"
#include "loader/host/repair.h"

static int write_entry(struct context *node, enum pinned_map map, const void *key, const void *value,
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
static int free_lock(struct context *node, struct error *e)
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
static bool find_block(struct context *node, struct lease_ip *ip)
{
	enum family f = addr_family(&ip->address);
	const struct block_entry *found = NULL;

	for (int tries = 0; tries < 2 && !found; tries++) {
		const struct pool_entry *pool;
		struct prefix prefix;
		struct state s;

		if (state_read(node, STATE_POOLS | STATE_BLOCKS, &s, NULL))
			return false;
		found = state_block_of(&s, &ip->address);
		pool = state_pool(&s, ip->pool);
		if (found) {
			ip->block = found->id;
		} else if (!tries && pool && pool->pool.family[f].mask_length) {
			prefix = prefix_of(&ip->address, pool->pool.family[f].mask_length);
			blocks_occupy(node, pool->pool.name, &prefix, NULL);
		}
		state_free(&s);
	}
	return found;
}

/* Leases whose block is gone. One for which no block is found stays as it is and is reported. */
static int fix_lease_blocks(struct context *node, struct error *e)
{
	struct state s;
	int err = state_read(node, STATE_BLOCKS | STATE_LEASES, &s, e);

	if (err)
		return err;
	for (size_t i = 0; i < s.lease_count && !err; i++) {
		struct lease lease = s.leases[i].lease;
		bool changed = false;

		for (int f = 0; f < FAMILIES; f++)
			if (lease.ip[f].block && !state_block(&s, lease.ip[f].block))
				changed |= find_block(node, &lease.ip[f]);
		if (changed)
			err = write_entry(node, PIN_LEASES, &s.leases[i].owner, &lease, e);
	}
	state_free(&s);
	return err;
}

static int fix_maps(struct context *node, struct error *e)
{
	struct state s;
	const struct sources x = { .node = node, .state = &s };
	int err = state_read(node, STATE_MODEL, &s, e);

	if (err)
		return err;
	err = derived_apply(&x, DERIVED_LEASES, e);
	state_free(&s);
	return err;
}

/* Interfaces of bound leases that are not whole; those that cannot be made again are gc's. */
static int fix_links(struct context *node, struct netlink *nl, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), err;
	struct audit a = { .node = node, .nl = nl };

	err = state_read(node, STATE_LEASES | STATE_PODS, &a.s, e);
	for (size_t i = 0; !err && i < a.s.lease_count; i++) {
		const struct lease_entry *l = &a.s.leases[i];
		size_t before = a.count;

		if (l->lease.state != LEASE_BOUND || l->lease.slot >= a.s.pod_count ||
		    state_lease_of(&a.s, l->lease.slot) != l)
			continue;
		audit_pod(&a, i, program);
		if (a.count != before)
			pod_restore(node, nl, l, &a.s.pods[l->lease.slot].pod, NULL);
	}
	state_free(&a.s);
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
		if (links[i].kind == POD_LINK_PARTIAL)
			link_delete(nl, links[i].ifindex);
	free(links);
	return netlink_flush(nl, e);
}

/* An uplink that cannot be attached is no reason to leave the rest. */
static int fix_host(struct context *node, struct netlink *nl, const struct options *options,
		    struct error *e)
{
	struct repair r;
	int first = repair_host(node, nl, options, UPLINKS_KEEP, &r, e), err;

	err = apply_reconcile(node, options, true, first ? NULL : e);
	return first ? first : err;
}

int audit_fix(struct context *node, struct netlink *nl, struct error *e)
{
	struct options options = {};
	unsigned int freed, flows;
	size_t made;
	int err = free_lock(node, e);

	if (!err)
		err = remote_rebuild(node, e);
	if (!err)
		err = audit_rebuild(node, nl, &made, e);
	if (!err)
		err = fix_lease_blocks(node, e);
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
		err = context_options(node, &options, e);
	if (!err)
		err = fix_host(node, nl, &options, e);
	options_free(&options);
	return err < 0 ? err : 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Pods created and removed: leases and interfaces in step. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/blocks/blocks.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/pod/pod.h"
#include "loader/pod/link.h"
#include "loader/pod/pools.h"
#include "loader/pod/verify.h"
#include "loader/base/process.h"
#include "loader/blocks/sync.h"
#include "maps/pods.h"

#define OTHER_CREATOR_TRIES 1000 /* of 10 ms: while another process creates the same pod */

int pod_repair(struct context *node, struct error *e)
{
	struct ipam ipam;
	int err = ipam_read(&node->pins, &ipam, e);

	if (!err)
		err = context_read_config(node, e);
	if (err || ipam.generation == node->config.synced)
		return err;
	err = root_lock_derived(&node->pins.root);
	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	/* Whoever changed the blocks may have synced meanwhile. */
	err = context_read_config(node, e);
	if (!err && ipam.generation != node->config.synced)
		err = sync_blocks(node, e);
	root_unlock_derived(&node->pins.root);
	return err;
}

/*
 * Adapts blocks to the demand after a lease or a release. @failed: the release of a failed attempt.
 * BLOCKS_UNLISTED with a sentence: another block cannot be recorded.
 */
static int balance(struct context *node, const uint32_t pool[FAMILIES], bool failed, struct error *e)
{
	int (*run)(struct context *, uint32_t, enum family, struct error *) =
		failed ? blocks_balance_failed : blocks_balance;
	int first = 0;

	for (int f = 0; f < FAMILIES; f++) {
		int err = pool[f] ? run(node, pool[f], f, first ? NULL : e) : 0;

		/* An exhausted pool is not an error of this pod. */
		if ((err < 0 || err == BLOCKS_UNLISTED) && !first)
			first = err;
	}
	return first;
}

static int lease_error(struct context *node, const struct pod_request *request,
		       const struct pod_pools *pools, const struct txn *txn, struct error *e)
{
	int f = txn->family < FAMILIES ? txn->family : 0;
	char ip[ADDR_TEXT], cidr[PREFIX_TEXT] = "?";
	struct block block;

	addr_format(&request->requested[f], ip);
	if (!ipam_block_read(&node->pins, txn->id, &block))
		prefix_format(&block.prefix, cidr);
	switch (txn->error) {
	case IPAM_NO_POOL:
	case IPAM_POOL_TERMINATING:
		return error_set(e, -ENOENT,
				 "unable to allocate from pool \"%s\" (family %s): pool not (yet) available; it was deleted",
				 pools->name[f], family_name(f));
	case IPAM_NO_BLOCK:
		if (node->config.allocator == NODE_ALLOCATOR_STATIC)
			return error_set(e, -ENOENT,
					 "unable to allocate from pool \"%s\" (family %s): pool not (yet) available; CiliumNode \"%s\" lists no block of it",
					 pools->name[f], family_name(f), node->config.node);
		/* fall through */
	case IPAM_EXHAUSTED:
		return error_set(e, -ENOSPC,
				 "unable to allocate from pool \"%s\" (family %s): all CIDR ranges are exhausted; add a CIDR to the pool",
				 pools->name[f], family_name(f));
	case IPAM_NOT_IN_CIDR:
		return error_set(e, -EADDRNOTAVAIL,
				 "pool \"%s\": IP %s not in range of any CIDR; the node's blocks are in 'pinpool get blocks'",
				 pools->name[f], ip);
	case IPAM_NOT_IN_RANGE:
		return error_set(e, -EADDRNOTAVAIL,
				 "pool \"%s\": IP %s: provided IP is not in the valid range. The range of valid IPs is %s",
				 pools->name[f], ip, cidr);
	case IPAM_ADDRESS_TAKEN:
		return error_set(e, -EADDRINUSE, "pool \"%s\": IP %s: provided IP is already allocated",
				 pools->name[f], ip);
	case IPAM_ADDRESS_DRAINING:
		return error_set(e, -EADDRNOTAVAIL,
				 "pool \"%s\": IP %s: its block %s is draining and allocates no addresses", pools->name[f],
				 ip, cidr);
	case IPAM_ADDRESS_EXCLUDED:
		return pod_excluded_error(node, pools->name[f], &request->requested[f], e);
	case IPAM_NO_SLOT:
		return error_set(e, -ENOSPC, "pod: this node has %d pods, the maximum", PODS_MAX);
	default:
		return error_set(e, -ENOMEM, "pod: no room in the maps for another lease (%d)", txn->error);
	}
}

static bool is_shortage(enum ipam_error error)
{
	return error == IPAM_NO_BLOCK || error == IPAM_EXHAUSTED;
}

static void lease_fill(struct lease_request *l, const struct pod_request *r,
		       const struct pod_pools *pools)
{
	struct lease *lease = &l->lease;

	memset(l, 0, sizeof(*l));
	l->owner = r->owner;
	memcpy(l->pool, pools->id, sizeof(l->pool));
	memcpy(l->requested, r->requested, sizeof(l->requested));
	lease->state = r->netns ? LEASE_RESERVED : LEASE_HELD;
	if (r->netns) {
		lease->creator_pid = getpid();
		lease->creator_start = process_start(getpid());
		snprintf(lease->netns, sizeof(lease->netns), "%s", r->netns);
	}
	lease->created = time(NULL);
	snprintf(lease->namespace, sizeof(lease->namespace), "%s", r->namespace ? r->namespace : "");
	snprintf(lease->pod, sizeof(lease->pod), "%s", r->name ? r->name : "");
	snprintf(lease->network, sizeof(lease->network), "%s", r->network ? r->network : "");
}

/* Leases addresses; if blocks lack, takes some and tries again. */
static int lease_get(struct context *node, const struct pod_request *request, const struct pod_pools *pools,
		     struct txn *txn, struct pod_result *result, struct error *e)
{
	struct lease_request *l = xcalloc(1, sizeof(*l));
	struct error why;
	int err, balanced = 0;

	lease_fill(l, request, pools);
	l->silent = 1;
	err = ipam_run(&node->pins, PROG_LEASE, l, txn, e);
	if (!err && is_shortage(txn->error)) {
		pod_pools_pend(node, request, pools);
		/* The second try reports an exhausted pool. */
		balanced = balance(node, pools->id, false, &why);
		lease_fill(l, request, pools);
		err = ipam_run(&node->pins, PROG_LEASE, l, txn, e);
	}
	free(l);
	if (!err && is_shortage(txn->error) && balanced == BLOCKS_UNLISTED)
		return error_set(e, -EDQUOT, "all blocks are full and another one cannot be recorded: %s",
				 why.text);
	if (!err && is_shortage(txn->error) && node->config.managed)
		result->awaits = POD_AWAITS_BLOCK;
	if (!err && txn->error)
		err = lease_error(node, request, pools, txn, e);
	return err;
}

static int owner_run(struct context *node, enum pinned_prog prog, const struct lease_owner *owner,
		     uint32_t generation, struct txn *txn, struct error *e)
{
	struct owner_request request = { .owner = *owner, .generation = generation };

	return ipam_run(&node->pins, prog, &request, txn, e);
}

static int teardown(struct context *node, struct netlink *nl, const struct lease_owner *owner,
		     uint32_t generation, bool failed, struct error *e)
{
	uint32_t pools[FAMILIES] = {};
	struct txn txn;
	int err = owner_run(node, PROG_DYING, owner, generation, &txn, e);

	if (err)
		return err;
	/* A lease that was never published was a failed attempt, whoever cleans up. */
	failed |= txn.error == IPAM_OK && txn.state == LEASE_RESERVED;
	if (txn.error == IPAM_OK && nl)
		err = pod_link_delete(nl, owner->id, owner->ifname, txn.ifindex, e);
	if (!err)
		err = owner_run(node, PROG_RELEASE, owner, generation, &txn, e);
	if (err || txn.error)
		return err;
	for (int f = 0; f < FAMILIES; f++) {
		if (!txn.ip[f].block)
			continue;
		pools[f] = txn.ip[f].pool;
		err = err ? err : blocks_retire(node, txn.ip[f].block, e);
	}
	if (!err)
		err = balance(node, pools, failed, e);
	return err < 0 ? err : 0;
}

int pod_teardown(struct context *node, struct netlink *nl, const struct lease_owner *owner,
		  uint32_t generation, struct error *e)
{
	return teardown(node, nl, owner, generation, false, e);
}

/* The owner has a lease: waits for its creator, or cleans up after it. 1: look again. */
static int wait_or_clean_up(struct context *node, struct netlink *nl, const struct pod_request *request,
			   const struct txn *txn, struct error *e)
{
	const struct timespec delay = { .tv_nsec = 10000000 };
	struct lease_entry l = { .owner = request->owner };
	int err;

	if (txn->state == LEASE_HELD || txn->state == LEASE_BOUND)
		return 0;
	if (ipam_lease_read(&node->pins, &request->owner, &l.lease) ||
	    l.lease.generation != txn->generation)
		return 1;
	/* Its creator may complete the lease at any moment, and then exit. */
	if (l.lease.state != LEASE_DYING && !pod_is_abandoned(node, &l)) {
		nanosleep(&delay, NULL);
		return 1;
	}
	err = pod_teardown(node, nl, &request->owner, txn->generation, e);
	return err ? err : 1;
}

static void fill_alias(struct pod_alias *who, const struct pod_request *r, uint32_t generation)
{
	memset(who, 0, sizeof(*who));
	who->owner = r->owner;
	who->generation = generation;
	snprintf(who->namespace, sizeof(who->namespace), "%s", r->namespace ? r->namespace : "");
	snprintf(who->pod, sizeof(who->pod), "%s", r->name ? r->name : "");
}

static int make_link(struct context *node, struct netlink *nl, const struct pod_request *r,
		     const struct txn *txn, struct pod_link_made *made, struct error *e)
{
	struct pod_link spec = {
		.netns = r->netns_fd,
		.mtu = r->mtu ? r->mtu : node->config.mtu,
		.endpoint_routes = node->config.endpoint_routes,
		.shaped = r->flags & POD_SHAPED,
		.program = pins_prog(&node->pins, PROG_POD_ENTRY),
	};

	if (spec.program < 0)
		return pins_error(&node->pins, "pp_pod_entry", spec.program, e);
	fill_alias(&spec.who, r, txn->generation);
	if (r->mac)
		memcpy(spec.mac, r->mac, sizeof(spec.mac));
	else
		pod_link_mac(txn->slot, spec.mac);
	for (int f = 0; f < FAMILIES; f++) {
		spec.ip[f] = txn->ip[f].address;
		spec.is_block[f] = ipam_is_block(&node->pins, &txn->ip[f]);
	}
	return pod_link_create(nl, &spec, made, e);
}

static int publish(struct context *node, const struct pod_request *r, const struct txn *lease,
		const struct pod_link_made *made, struct error *e)
{
	struct bind_request request = { .owner = r->owner, .generation = lease->generation,
					.ifindex = made->ifindex };
	struct txn txn;
	int err;

	request.mtu = r->mtu ? r->mtu : node->config.mtu;
	request.flags = r->flags;
	snprintf(request.host_ifname, sizeof(request.host_ifname), "%s", made->name);
	memcpy(request.mac, made->mac, sizeof(request.mac));
	memcpy(request.host_mac, made->host_mac, sizeof(request.host_mac));
	err = ipam_run(&node->pins, PROG_BIND, &request, &txn, e);
	if (!err && txn.error)
		err = error_set(e, -ECANCELED, "%s: the lease was released while the pod was made (%d); try again",
				r->owner.id, txn.error);
	return err;
}

static void fill_result(struct pod_result *result, const struct txn *txn,
			const struct pod_link_made *made)
{
	memcpy(result->ip, txn->ip, sizeof(result->ip));
	memcpy(result->host_ifname, made->name, sizeof(made->name));
	memcpy(result->mac, made->mac, sizeof(result->mac));
	memcpy(result->host_mac, made->host_mac, sizeof(result->host_mac));
}

/* Acquires a lease that this caller may complete: HELD, BOUND, or RESERVED by itself. */
static int lease_acquire(struct context *node, struct netlink *nl, const struct pod_request *request,
		  struct pod_pools *pools, struct txn *txn, struct pod_result *result,
		  struct error *e)
{
	bool chosen = false;
	struct lease lease;
	int err;

	for (int tries = 0; tries < OTHER_CREATOR_TRIES; tries++) {
		/* An owner keeps its lease, whatever pools it would get now. */
		if (!chosen && ipam_lease_read(&node->pins, &request->owner, &lease)) {
			err = pod_pools_choose(node, request, pools, result, e);
			if (err)
				return err;
			chosen = true;
		}
		err = lease_get(node, request, pools, txn, result, e);
		if (err == -ENOENT && !chosen)
			continue; /* its lease has just been released */
		if (!err && txn->existed)
			err = wait_or_clean_up(node, nl, request, txn, e);
		else if (!err)
			err = pod_verify(node, nl, &request->owner, txn, e);
		if (err != 1)
			return err;
	}
	return error_set(e, -EBUSY, "%s: another process is making this pod; try again",
			 request->owner.id);
}

static int add(struct context *node, struct netlink *nl, struct pod_request *request,
	       struct pod_result *result, struct error *e)
{
	struct pod_link_made made = {};
	struct pod_pools pools = {};
	struct txn txn;
	int err;

	memset(result, 0, sizeof(*result));
	err = requested_addresses(request, e);
	if (!err)
		err = pod_repair(node, e);
	result->generation = node->config.synced;
	if (!err)
		err = lease_acquire(node, nl, request, &pools, &txn, result, e);
	if (err)
		return err;
	/* The block may be another process's: its ranges must be known before the first packet. */
	if (request->netns) {
		err = pod_repair(node, e);
		if (!err)
			err = make_link(node, nl, request, &txn, &made, e);
		if (!err)
			err = publish(node, request, &txn, &made, e);
		if (err) {
			/* A DEL that has not seen this interface may own the lease by now. */
			if (made.created) {
				link_delete(nl, made.ifindex);
				netlink_flush(nl, NULL);
			}
			if (!txn.existed)
				pod_teardown(node, nl, &request->owner, txn.generation, NULL);
			return err;
		}
	}
	fill_result(result, &txn, &made);
	/* More blocks are for the next pod: an exhausted pool does not fail this one. */
	balance(node, pools.id, false, NULL);
	return 0;
}

int pod_add(struct context *node, struct netlink *nl, const struct pod_request *requested,
	    struct pod_result *result, struct error *e)
{
	struct pod_request request = *requested;
	json_t *metadata = pod_request_complete(node, &request);
	int err = add(node, nl, &request, result, e);

	json_decref(metadata);
	return err;
}

int pod_remove(struct context *node, struct netlink *nl, const struct lease_owner *owner,
	       struct error *e)
{
	int err = pod_repair(node, e);

	return err ? err : pod_teardown(node, nl, owner, 0, e);
}

int pod_remove_attempt(struct context *node, struct netlink *nl, const struct lease_owner *owner,
		       struct error *e)
{
	uint64_t now = time(NULL);
	struct lease lease;
	bool failed = !ipam_lease_read(&node->pins, owner, &lease) && lease.namespace[0] &&
		      lease.pod[0] && now >= lease.created && now - lease.created <= BLOCKS_ATTEMPT;
	int err = pod_repair(node, e);

	return err ? err : teardown(node, nl, owner, 0, failed, e);
}

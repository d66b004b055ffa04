// SPDX-License-Identifier: GPL-2.0-only
/* What follows from the objects: configuration, block states, demand, derived maps and routes. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/apply/apply.h"
#include "loader/blocks/blocks.h"
#include "loader/ipam/claims.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/kernel/store.h"
#include "loader/services/sockets.h"
#include "loader/blocks/sync.h"

/* The pool as it is, to be changed; 1: it does not exist. */
static int read_request(struct context *node, uint32_t id, struct pool_request *r, struct error *e)
{
	struct ipam ipam;
	int err = ipam_read(&node->pins, &ipam, e);

	if (err)
		return err;
	memset(r, 0, sizeof(*r));
	r->expected = ipam.generation;
	r->id = id;
	err = ipam_pool_read(&node->pins, id, &r->pool);
	if (err)
		return err == -ENOENT ? 1 : pins_error(&node->pins, "pp_pools", err, e);
	for (int f = 0; f < FAMILIES && !err; f++)
		err = ipam_pool_cidrs(&node->pins, id, f, r->cidrs[f], r->pool.family[f].cidrs);
	return err ? error_set(e, err, "pool %s: cannot read its CIDRs: %s; run 'pinpool check --fix'",
			       r->pool.name, strerror(-err))
		   : 0;
}

/* pre-allocation is an option, but each pool carries its own number of it */
static int set_pre_allocation(struct context *node, const struct pool_entry *p, uint32_t wanted,
			      struct error *e)
{
	struct pool_request *r = xcalloc(1, sizeof(*r));
	struct txn txn = {};
	int err;

	do {
		err = read_request(node, p->id, r, e);
		if (err)
			break;
		for (int f = 0; f < FAMILIES; f++)
			r->pool.family[f].pre_allocation = wanted;
		err = ipam_run(&node->pins, PROG_POOL_SET, r, &txn, e);
	} while (!err && txn.error == IPAM_STALE);
	free(r);
	if (err > 0 || (!err && txn.error == IPAM_NO_POOL))
		return 0; /* it was deleted meanwhile */
	return err || !txn.error ? err : ipam_refused(&node->pins, PROG_POOL_SET, &txn, e);
}

static int sync_pools(struct context *node, const struct options *options, struct error *e)
{
	struct pool_entry *pools;
	size_t count;
	int err = ipam_pools(&node->pins, &pools, &count, e);

	for (size_t i = 0; i < count && !err; i++) {
		uint32_t wanted = options_pre_allocation(options, pools[i].pool.name);

		if (pools[i].pool.family[FAMILY_IPV4].pre_allocation != wanted ||
		    pools[i].pool.family[FAMILY_IPV6].pre_allocation != wanted)
			err = set_pre_allocation(node, &pools[i], wanted, e);
	}
	free(pools);
	return err;
}

void apply_options(struct context *node, const struct options *o)
{
	struct config *c = &node->config;
	struct pool pool;

	c->enabled[FAMILY_IPV4] = o->enable_ipv4;
	c->enabled[FAMILY_IPV6] = o->enable_ipv6;
	c->masquerade[FAMILY_IPV4] = o->enable_bpf_masquerade && o->enable_ipv4_masquerade;
	c->masquerade[FAMILY_IPV6] = o->enable_bpf_masquerade && o->enable_ipv6_masquerade;
	c->masquerade_default_only = o->only_masquerade_default_pool;
	c->endpoint_routes = o->enable_endpoint_routes;
	c->allocator = o->allocator == ALLOCATOR_STATIC ? NODE_ALLOCATOR_STATIC : NODE_ALLOCATOR_LOCAL;
	if (o->mtu)
		c->mtu = o->mtu;
	memset(c->default_pool_name, 0, sizeof(c->default_pool_name));
	memcpy(c->default_pool_name, o->default_pool, strlen(o->default_pool));
	if (ipam_pool_find(&node->pins, o->default_pool, &c->default_pool, &pool))
		c->default_pool = 0;
}

/* The blocks that this node's own CiliumNode lists, in any mode; claims borrow from *object. */
static void own_claims(struct context *node, json_t **object, struct claim **claims, size_t *count)
{
	*claims = NULL;
	*count = 0;
	*object = store_get(&node->pins, OBJECT_CILIUMNODE, node->config.node);
	if (*object)
		claims_of(*object, node->config.default_pool_name, claims, count);
}

static int reconcile(struct context *node, const struct options *options, bool may_drop,
		     const struct node_changes *changes, struct error *e)
{
	struct claim *claims;
	json_t *object;
	size_t count;
	int first, err;

	apply_options(node, options);
	first = context_write_config(node, e);
	first = first_error(first, sync_pools(node, options, first ? NULL : e));
	own_claims(node, &object, &claims, &count);
	first = first_error(first, blocks_settle(node, claims, count, first ? NULL : e));
	/* what is empty makes room for what the list has now */
	first = first_error(first, blocks_retire_all(node, first ? NULL : e));
	if (node->config.allocator == NODE_ALLOCATOR_STATIC)
		first = first_error(first, blocks_match(node, claims, count, 0,
						 first ? NULL : e));
	first = first_error(first, blocks_balance_all(node, may_drop, first ? NULL : e));
	free(claims);
	json_decref(object);
	err = root_lock_derived(&node->pins.root);
	if (err)
		return first_error(first, error_set(first < 0 ? NULL : e, err, "%s: cannot lock: %s",
					     node->pins.root.dir, strerror(-err)));
	err = node_changes_sync(node, changes, options, first < 0 ? NULL : e);
	root_unlock_derived(&node->pins.root);
	first = first_error(first, err);
	return first_error(first, sockets_sync(node, options, first < 0 ? NULL : e));
}

int apply_reconcile(struct context *node, const struct options *options, bool may_drop, struct error *e)
{
	int first = remote_rebuild(node, e);

	return first_error(first, reconcile(node, options, may_drop, &(struct node_changes){},
				     first ? NULL : e));
}

int apply_reconcile_plan(struct context *node, const struct apply *plan, struct error *e)
{
	return reconcile(node, &plan->options, true, &plan->changes, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* A node's state: maps and objects read once, and their indexes. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/ipam/hops.h"
#include "loader/ipam/state.h"
#include "loader/kernel/map.h"

static int by_id(const void *a, const void *b)
{
	uint32_t x = (*(const struct pool_entry *const *)a)->id;
	uint32_t y = (*(const struct pool_entry *const *)b)->id;

	return x < y ? -1 : x > y;
}

static int by_cidr_key(const void *a, const void *b)
{
	const struct pool_cidr_key *x = a, *y = b;

	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void index_pools(struct state *s)
{
	s->pools_by_id = xcalloc(s->pool_count, sizeof(*s->pools_by_id));
	for (size_t i = 0; i < s->pool_count; i++)
		s->pools_by_id[i] = &s->pools[i];
	if (s->pool_count)
		qsort(s->pools_by_id, s->pool_count, sizeof(*s->pools_by_id), by_id);
}

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&(*(const struct block_entry *const *)a)->block.prefix,
			      &(*(const struct block_entry *const *)b)->block.prefix);
}

static void index_blocks(struct state *s)
{
	s->blocks_by_prefix = xcalloc(s->block_count, sizeof(*s->blocks_by_prefix));
	for (size_t i = 0; i < s->block_count; i++)
		s->blocks_by_prefix[i] = &s->blocks[i];
	if (s->block_count)
		qsort(s->blocks_by_prefix, s->block_count, sizeof(*s->blocks_by_prefix), by_prefix);
}

static void index_slots(struct state *s)
{
	s->lease_of_slot = xmalloc(PODS_MAX * sizeof(*s->lease_of_slot));
	memset(s->lease_of_slot, 0xff, PODS_MAX * sizeof(*s->lease_of_slot));
	for (size_t i = 0; i < s->lease_count; i++) {
		uint32_t slot = s->leases[i].lease.slot;

		if (slot < PODS_MAX && s->lease_of_slot[slot] < 0)
			s->lease_of_slot[slot] = i;
	}
}

/* What is read of other nodes: everything (@prefixes NULL), or what has to do with these prefixes. */
struct wanted {
	const struct prefix *prefixes;
	size_t count;
};

static void add_claims(struct context *node, struct state *s, size_t from, size_t to)
{
	s->claims = xrealloc(s->claims, (s->claim_count + to - from) * sizeof(*s->claims));
	for (size_t i = from; i < to; i++)
		s->claims[s->claim_count++] = remote_claim(&s->remote, &s->remote.blocks[i],
							   node->config.default_pool_name);
}

static void add_addresses(struct state *s, size_t from, size_t to)
{
	size_t count = s->address_count, more = to - from;

	s->addresses = xrealloc(s->addresses, (count + more) * sizeof(*s->addresses));
	if (more)
		memcpy(s->addresses + count, s->remote.addresses + from, more * sizeof(*s->addresses));
	s->address_count += more;
}

void state_add_remote(struct context *node, struct state *s, const struct prefix *prefixes, size_t count)
{
	size_t from, to;

	for (size_t i = 0; i < count; i++) {
		remote_find_blocks(&s->remote, &prefixes[i], &from, &to);
		for (; from < to; from++)
			if (prefix_equal(&s->remote.blocks[from].prefix, &prefixes[i]))
				add_claims(node, s, from, from + 1);
		remote_find_addresses(&s->remote, &prefixes[i], &from, &to);
		add_addresses(s, from, to);
	}
}

static void add_some(struct context *node, struct state *s, const struct wanted *wanted)
{
	size_t from, to;

	state_add_remote(node, s, wanted->prefixes, wanted->count);
	for (size_t i = 0; i < s->block_count; i++) {
		remote_find_addresses(&s->remote, &s->blocks[i].block.prefix, &from, &to);
		add_addresses(s, from, to);
	}
}

static int read_remote(struct context *node, const struct wanted *wanted, struct state *s, struct error *e)
{
	json_t *own;
	int err = remote_read(node, &s->remote, e);

	if (err)
		return err;
	if (wanted) {
		add_some(node, s, wanted);
	} else {
		add_claims(node, s, 0, s->remote.block_count);
		add_addresses(s, 0, s->remote.address_count);
	}
	own = store_get(&node->pins, OBJECT_CILIUMNODE, node->config.node);
	if (own)
		claims_of(own, node->config.default_pool_name, &s->own, &s->own_count);
	for (size_t i = 0; i < s->own_count; i++)
		s->own[i].node = node->config.node;
	json_decref(own);
	return 0;
}

static int read_pools(struct context *node, unsigned int parts, struct state *s, struct error *e)
{
	int err = ipam_pools(&node->pins, &s->pools, &s->pool_count, e);

	if (err)
		return err;
	index_pools(s);
	if (parts & STATE_CIDRS)
		err = MAP_READ(&node->pins, PIN_POOL_CIDRS, s->cidrs, s->cidr_count, key, cidr, e);
	if (!err && s->cidr_count)
		qsort(s->cidrs, s->cidr_count, sizeof(*s->cidrs), by_cidr_key);
	return err;
}

static int read_parts(struct context *node, unsigned int parts, const struct wanted *wanted,
		      struct state *s, struct error *e)
{
	int err;

	*s = (struct state){ .hops = xcalloc(1, sizeof(*s->hops)) };
	err = ipam_read(&node->pins, &s->ipam, e);
	if (!err && (parts & STATE_LEASES)) {
		err = ipam_leases(&node->pins, &s->leases, &s->lease_count, e);
		index_slots(s);
	}
	if (!err && (parts & (STATE_POOLS | STATE_CIDRS)))
		err = read_pools(node, parts, s, e);
	if (!err && (parts & STATE_BLOCKS)) {
		err = ipam_blocks(&node->pins, &s->blocks, &s->block_count, e);
		index_blocks(s);
	}
	if (!err && (parts & STATE_REMOTE))
		err = read_remote(node, wanted, s, e);
	if (!err && (parts & STATE_NODES))
		err = store_list_texts(&node->pins, OBJECT_CILIUMNODE, &s->nodes, &s->node_count, e);
	if (!err && (parts & STATE_SERVICES))
		err = state_read_services(node, s, e);
	if (!err && (parts & STATE_PODS))
		err = MAP_READ(&node->pins, PIN_PODS, s->pods, s->pod_count, slot, pod, e);
	if (err)
		state_free(s);
	return err;
}

int state_read(struct context *node, unsigned int parts, struct state *s, struct error *e)
{
	return read_parts(node, parts, NULL, s, e);
}

int state_read_some(struct context *node, unsigned int parts, const struct prefix *prefixes, size_t count,
		    struct state *s, struct error *e)
{
	return read_parts(node, parts, &(struct wanted){ prefixes, count }, s, e);
}

void state_exclude_addresses(struct state *s)
{
	for (size_t i = 0; i < s->address_count; i++)
		if (s->addresses[i].kind == REMOTE_ADDRESS)
			excluded_add(&s->exclusions, EXCLUDED_NODE, &s->addresses[i].prefix,
				     remote_name(&s->remote, s->addresses[i].node));
	excluded_sort(&s->exclusions);
}

int state_read_exclusions(struct state *s, struct netlink *nl, struct error *e)
{
	int err = excluded_by_routes(nl, &s->exclusions, e);

	if (!err)
		state_exclude_addresses(s);
	return err;
}

void state_free(struct state *s)
{
	free(s->pools);
	free(s->pools_by_id);
	free(s->cidrs);
	free(s->blocks);
	free(s->blocks_by_prefix);
	free(s->leases);
	free(s->lease_of_slot);
	free(s->claims);
	free(s->own);
	free(s->addresses);
	hops_free(s->hops);
	free(s->pods);
	json_decref(s->services);
	json_decref(s->slices);
	excluded_free(&s->exclusions);
	stored_free(s->nodes, s->node_count);
	remote_free(&s->remote);
	memset(s, 0, sizeof(*s));
}

const struct pool_entry *state_pool(const struct state *s, uint32_t id)
{
	const struct pool_entry key = { .id = id }, *wanted = &key, **found = NULL;

	if (s->pool_count)
		found = bsearch(&wanted, s->pools_by_id, s->pool_count, sizeof(*s->pools_by_id), by_id);
	return found ? *found : NULL;
}

static int compare_name(const void *name, const void *pool)
{
	return strcmp(name, ((const struct pool_entry *)pool)->pool.name);
}

const struct pool_entry *state_pool_named(const struct state *s, const char *name)
{
	return s->pool_count ? bsearch(name, s->pools, s->pool_count, sizeof(*s->pools), compare_name) : NULL;
}

static int compare_id(const void *id, const void *block)
{
	uint32_t x = *(const uint32_t *)id, y = ((const struct block_entry *)block)->id;

	return x < y ? -1 : x > y;
}

const struct block_entry *state_block(const struct state *s, uint32_t id)
{
	return s->block_count
		       ? bsearch(&id, s->blocks, s->block_count, sizeof(*s->blocks), compare_id)
		       : NULL;
}

size_t state_blocks_from(const struct state *s, const struct addr *addr)
{
	size_t low = 0, high = s->block_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		struct addr last = addr_last(&s->blocks_by_prefix[middle]->block.prefix);

		if (addr_compare(&last, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct block_entry *state_block_of(const struct state *s, const struct addr *addr)
{
	size_t i = state_blocks_from(s, addr);

	return i < s->block_count && prefix_contains(&s->blocks_by_prefix[i]->block.prefix, addr)
		       ? s->blocks_by_prefix[i]
		       : NULL;
}

const struct block_entry *state_block_at(const struct state *s, const struct prefix *prefix)
{
	const struct block_entry *b = state_block_of(s, &prefix->addr);

	return b && prefix_equal(&b->block.prefix, prefix) ? b : NULL;
}

const char *state_pool_name(const struct state *s, uint32_t id)
{
	const struct pool_entry *pool = state_pool(s, id);

	return pool ? pool->pool.name : "?";
}

const struct pool_cidr_entry *state_cidrs(const struct state *s, const struct pool_entry *pool,
					  enum family family, size_t *count)
{
	const struct pool_cidr_key first = { .pool = pool->id, .family = family };
	size_t low = 0, high = s->cidr_count, end;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (by_cidr_key(&s->cidrs[middle], &first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < s->cidr_count; end++) {
		const struct pool_cidr_key *k = &s->cidrs[end].key;

		if (k->pool != pool->id || k->family != family || k->index >= pool->pool.family[family].cidrs)
			break;
	}
	*count = end - low;
	return s->cidrs + low;
}

bool state_covers(const struct state *s, const struct pool_entry *pool, const struct prefix *prefix)
{
	enum family family = prefix_family(prefix);
	const struct pool_cidr_entry *cidrs;
	size_t count;

	if (pool->pool.state != POOL_ACTIVE || !pool->pool.family[family].mask_length)
		return false;
	cidrs = state_cidrs(s, pool, family, &count);
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&cidrs[i].cidr.cidr, prefix))
			return true;
	return false;
}

bool state_is_draining(const struct state *s, const struct lease *lease)
{
	for (int f = 0; f < FAMILIES; f++) {
		const struct block_entry *b = state_block(s, lease->ip[f].block);

		if (b && b->block.state == BLOCK_DRAINING)
			return true;
	}
	return false;
}

const struct lease_entry *state_lease_of(const struct state *s, uint32_t slot)
{
	return slot < PODS_MAX && s->lease_of_slot[slot] >= 0 ? &s->leases[s->lease_of_slot[slot]] : NULL;
}

enum block_state block_expected_state(const struct block_lists *lists, bool covered,
				      const struct prefix *prefix)
{
	bool listed = !lists->is_static;

	for (size_t i = 0; i < lists->other_count && covered; i++)
		if (prefix_overlaps(&lists->others[i].prefix, prefix))
			return BLOCK_DRAINING;
	for (size_t i = 0; i < lists->own_count && !listed; i++)
		listed = prefix_equal(&lists->own[i].prefix, prefix);
	return covered && listed ? BLOCK_ACTIVE : BLOCK_DRAINING;
}

struct block_lists state_block_lists(const struct context *node, const struct state *s)
{
	return (struct block_lists){ s->own, s->claims, s->own_count, s->claim_count,
				     node->config.allocator == NODE_ALLOCATOR_STATIC };
}

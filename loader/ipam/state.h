/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node's state, read once and found by id, name, slot or CIDR: for everything that looks at more than
 * one entry. Each map is read by itself; what must be consistent is read under a lock or read again.
 */
#ifndef PP_STATE_H
#define PP_STATE_H

#include <stdbool.h>

#include "loader/ipam/records.h"
#include "loader/ipam/remote.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/context.h"
#include "loader/kernel/store.h"
#include "loader/net/excluded.h"
#include "maps/pods.h"

enum state_part {
	STATE_POOLS = 1,
	STATE_CIDRS = 2,  /* of the pools */
	STATE_BLOCKS = 4, /* of this node */
	STATE_LEASES = 8,
	STATE_REMOTE = 16, /* the nodes' addresses, and the blocks that CiliumNodes list */
	STATE_NODES = 64,  /* the CiliumNodes themselves */
	STATE_PODS = 32,   /* pp_pods, one entry per slot */
	STATE_SERVICES = 128, /* Services and EndpointSlices, and this node's zone */
	/* all that derived maps and routes follow from */
	STATE_SOURCES = STATE_POOLS | STATE_CIDRS | STATE_BLOCKS | STATE_REMOTE,
};

struct pool_cidr_entry {
	struct pool_cidr_key key;
	struct pool_cidr cidr;
};

struct pod_entry {
	uint32_t slot;
	struct pod pod;
};

/* All lists are owned; those of parts that were not read are empty. */
struct state {
	struct ipam ipam; /* read before all else: its generation is at most that of the rest */
	struct pool_entry *pools; /* by name */
	size_t pool_count;
	const struct pool_entry **pools_by_id;
	struct pool_cidr_entry *cidrs; /* by pool, family and index */
	size_t cidr_count;
	struct block_entry *blocks; /* by id */
	size_t block_count;
	const struct block_entry **blocks_by_prefix; /* no two overlap: by their ends too */
	struct lease_entry *leases; /* read before pools and blocks: these have all that the leases name */
	size_t lease_count;
	int32_t *lease_of_slot; /* PODS_MAX indexes of leases; -1: none */
	struct stored *nodes;   /* CiliumNodes, by name; not parsed (store_list_texts()) */
	size_t node_count;
	struct remote remote;
	struct remote_row *addresses; /* of all nodes */
	size_t address_count;
	struct claim *claims; /* of the other nodes */
	size_t claim_count;
	struct hops *hops;    /* state_claim_hop() */
	struct claim *own; /* what this node's own CiliumNode lists */
	size_t own_count;
	struct pod_entry *pods; /* by slot */
	size_t pod_count;
	json_t *services, *slices; /* arrays of objects; NULL where there is none */
	char zone[PP_NAME]; /* "": unknown */
	struct exclusions exclusions; /* state_read_exclusions() */
};

/* @parts: a mask of enum state_part. The caller frees @s unless it fails. 0 or -errno with a sentence. */
int state_read(struct context *node, unsigned int parts, struct state *s, struct error *e);
/*
 * The same, but of what other nodes have only what has exactly one of @prefixes (a block) or lies in
 * one of them or in a local block (an address): as much however large the cluster is.
 */
int state_read_some(struct context *node, unsigned int parts, const struct prefix *prefixes, size_t count,
		    struct state *s, struct error *e);
/* Adds the same of other nodes for more prefixes, each once. */
void state_add_remote(struct context *node, struct state *s, const struct prefix *prefixes, size_t count);
/* Adds the addresses that no pod may get, sorted; needs STATE_REMOTE. @nl: the node's namespace. */
int state_read_exclusions(struct state *s, struct netlink *nl, struct error *e);
/* Its part about the nodes' addresses. */
void state_exclude_addresses(struct state *s);
void state_free(struct state *s);
/* STATE_SERVICES, for state_read(). */
int state_read_services(struct context *node, struct state *s, struct error *e);

/* The interface by which a claim's next hop is reached without a gateway, looked up once; 0: none. */
uint32_t state_claim_hop(const struct state *s, struct netlink *nl, const struct claim *claim);

/* NULL: none. */
const struct pool_entry *state_pool(const struct state *s, uint32_t id);
const struct pool_entry *state_pool_named(const struct state *s, const char *name);
const struct block_entry *state_block(const struct state *s, uint32_t id);
/* The block that holds the address. */
const struct block_entry *state_block_of(const struct state *s, const struct addr *addr);
/* The block with exactly this prefix. */
const struct block_entry *state_block_at(const struct state *s, const struct prefix *prefix);
/* The index in blocks_by_prefix of the first block that ends at or after @addr. */
size_t state_blocks_from(const struct state *s, const struct addr *addr);
/* "?" where there is no such pool. */
const char *state_pool_name(const struct state *s, uint32_t id);
/* The pool's CIDRs of the family in list order, as many as are there. */
const struct pool_cidr_entry *state_cidrs(const struct state *s, const struct pool_entry *pool,
					  enum family family, size_t *count);
/* Whether the pool is active, has the family, and one of its CIDRs covers @prefix. */
bool state_covers(const struct state *s, const struct pool_entry *pool, const struct prefix *prefix);
/* Whether one of the lease's addresses lies in a draining block. */
bool state_is_draining(const struct state *s, const struct lease *lease);
/* The lease that has the slot; NULL: none. Of several, the first one. */
const struct lease_entry *state_lease_of(const struct state *s, uint32_t slot);

/* Who lists blocks: this node's own CiliumNode and the others. */
struct block_lists {
	const struct claim *own, *others;
	size_t own_count, other_count;
	bool is_static; /* static mode: a block outside @own is not kept */
};

/*
 * The state that a block should have: active where an active pool covers it (@covered), no other node
 * lists it and, in static mode, this node's own CiliumNode does; else draining.
 */
enum block_state block_expected_state(const struct block_lists *lists, bool covered,
				      const struct prefix *prefix);
/* The lists of @node as @s has them. */
struct block_lists state_block_lists(const struct context *node, const struct state *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of sync.c, one per thing that is derived; for it only. */
#ifndef PP_SYNC_PARTS_H
#define PP_SYNC_PARTS_H

#include <stddef.h>

#include "loader/ipam/claims.h"
#include "loader/net/excluded.h"
#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/kernel/store.h"
#include "maps/excluded.h"

/* What everything is derived from, read once. */
struct facts {
	uint64_t generation;
	struct pool_entry *pools;
	size_t pool_count;
	struct block_entry *blocks;
	size_t block_count;
	struct stored *nodes;  /* CiliumNodes */
	size_t node_count;
	struct claim *claims;  /* of the other nodes */
	size_t claim_count;
	struct exclusions exclusions; /* facts_exclusions() fills them in, sorted */
};

int facts_read(struct node *node, struct facts *facts, struct error *e);
void facts_free(struct facts *facts);
/* @nl: the node's namespace. */
int facts_exclusions(struct facts *facts, struct netlink *nl, struct error *e);

int sync_cidrs(struct node *node, const struct facts *facts, struct error *e);
/* @nl, of these two: the node's namespace, for its own addresses. */
int sync_ranges(struct node *node, const struct facts *facts, struct netlink *nl, struct error *e);
int sync_nomasq(struct node *node, const struct facts *facts, const struct options *options,
		struct netlink *nl, struct error *e);
/* The two below need the exclusions; *changes (may be NULL) is increased by the routes changed. */
int sync_excluded(struct node *node, const struct facts *facts, struct error *e);
int sync_block_routes(const struct facts *facts, struct netlink *nl, unsigned int *changes,
		      struct error *e);
/* ROUTES_UNREACHABLE with a sentence: all is well but another node has no direct route. */
#define ROUTES_UNREACHABLE 3 /* not one of BLOCKS_DRY, BLOCKS_UNLISTED */
int sync_node_routes(const struct facts *facts, const struct options *options, struct netlink *nl,
		     unsigned int *changes, struct error *e);
/* Those of pods; only while no pod comes or goes. */
int sync_endpoint_routes(struct node *node, struct netlink *nl, struct error *e);
/* The same while pods come and go. */
int sync_pod_routes(struct node *node, struct netlink *nl, unsigned int *changes, struct error *e);

/* A chunk of pp_excluded. */
struct excluded_entry {
	struct ips_key key;
	struct ips_chunk chunk;
};

/* All of pp_excluded as it should be, and as it is; sorted by key. The caller frees *list. */
void excluded_wanted(const struct facts *facts, struct excluded_entry **list, size_t *count);
int excluded_read(struct node *node, struct excluded_entry **list, size_t *count, struct error *e);

/* For `check` and `get routes` (needs the exclusions): all routes as they should be. The caller frees *routes. */
struct route;
int routes_wanted(struct node *node, const struct facts *facts, const struct options *options,
		  struct netlink *nl, struct route **routes, size_t *count, struct error *e);

/* Is told where a trie differs from what it should be: "missing", "wrong", "too much". */
struct trie_report {
	void (*fn)(const char *map, const struct prefix *prefix, const char *what, void *arg);
	void *arg;
};
/* Compares pp_cidrs and pp_nomasq with what sync would make of them. */
int tries_compare(struct node *node, const struct facts *facts, const struct options *options,
		  const struct trie_report *report, struct error *e);
/* Whether pp_ranges covers the blocks; the node's own addresses there may be older. */
bool ranges_are_right(struct node *node, const struct facts *facts);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's decisions (pinpool-ipam(7), BLOCKS OF A NODE): from the pools, and from the blocks and the
 * demand of each CiliumNode, the blocks that a node should have. Pure: no requests, no output. The work of
 * an event does not grow with the number of nodes, except for a pool's own change.
 */
#ifndef PP_KUBE_OPERATOR_CLUSTER_H
#define PP_KUBE_OPERATOR_CLUSTER_H

#include <jansson.h>
#include <sys/queue.h>

#include "loader/manifest/pool_spec.h"

#define NODE_BLOCKS_MAX 8192 /* of one node: a CiliumNode must not outgrow what etcd stores */

struct cluster_pool {
	char *name;               /* first, for lookups */
	char uid[40], version[24]; /* of the last version seen; version "": absent */
	struct pool_spec *spec;   /* owned; the last accepted version; NULL: there is none */
	json_t *pending;          /* owned; a newer version that was refused, or not looked at yet */
	char *refusal;            /* owned; why @pending is refused; NULL: it is not */
	size_t blocks;            /* scratch of the metrics */
	unsigned int users;       /* claims and demands that name it: an absent pool lives as long as those */
	uint64_t cursors[FAMILIES][POOL_CIDRS_MAX];
	uint32_t full[FAMILIES];  /* a bit for each CIDR without a free block */
	TAILQ_HEAD(demand_queue, demand) waiting[FAMILIES]; /* demands that found no free block */
	TAILQ_ENTRY(cluster_pool) all;
};

/* A block that a CiliumNode lists, or is being given. */
struct claim {
	struct prefix prefix; /* first, for sorting */
	struct cluster_pool *pool;
	bool listed;               /* in the object's `allocated` */
	bool held;                 /* in the index: nobody else gets an overlapping block */
	bool refused;              /* will be removed from `allocated` */
	bool proven;               /* was inside its pool once, so it may outlive the pool's CIDR */
	bool has_pods;             /* an address of it is a pod's of this node */
	bool first, last;          /* allowFirstIP, allowLastIP as listed */
};

struct demand {
	struct cluster_pool *pool;
	struct cluster_node *node;
	uint32_t needed[FAMILIES];
	bool waiting[FAMILIES];
	TAILQ_ENTRY(demand) queue[FAMILIES];
};

struct cluster_node {
	char *name; /* first, for lookups */
	char version[24], uid[40], created[32]; /* of the metadata */
	bool ignored;
	bool keep;          /* not deleted when its Node is gone: annotated so, or Kubernetes' own task */
	unsigned int orphan_ticks;
	struct claim *claims; /* sorted by pool's name, then IPv4 first, by prefix */
	size_t claim_count;
	struct demand *demands;
	size_t demand_count;
	struct prefix *outside; /* blocks outside of their pool that were removed from its list */
	size_t outside_count;
	bool rewrite;       /* `allocated` is not as the operator would write it: unsorted, an invalid CIDR */
	char *malformed;    /* owned; the first thing in the object that could not be read; NULL: nothing */
	char *status_error; /* owned; status.ipam.operator-status.error of the object; NULL: none */
	bool queued;
	TAILQ_ENTRY(cluster_node) queue, all;
	void *writer;       /* the caller's */
};

/* A sentence about an object that was not taken as it is; for an Event and the log. */
typedef void report_fn(void *arg, const char *kind, const char *name, const char *uid, const char *reason);

struct held {
	struct prefix prefix; /* first, for prefix_list */
	struct cluster_node *node;
	struct cluster_pool *pool;
};

struct cluster {
	void *pools_by_name, *nodes_by_name; /* tsearch() */
	TAILQ_HEAD(, cluster_pool) pools;
	TAILQ_HEAD(, cluster_node) nodes, queue; /* queue: a decision may differ from the object */
	struct held *held; /* sorted; none overlaps another */
	size_t held_count;
	bool synced;
	bool settling; /* a take-over: a block outside of its pool may have been in it before */
	report_fn *report;
	void *arg;
};

void cluster_init(struct cluster *c, report_fn *report, void *arg);
void cluster_free(struct cluster *c);

/* New or changed objects of the API server, borrowed, and what is gone. */
void cluster_set_pool(struct cluster *c, json_t *pool);
void cluster_remove_pool(struct cluster *c, const char *name);
/* An object of the version that is known already changes nothing. Returns the node; NULL: it has no name. */
struct cluster_node *cluster_set_node(struct cluster *c, const json_t *node);
void cluster_remove_node(struct cluster *c, const char *name);
struct cluster_node *cluster_find_node(const struct cluster *c, const char *name);

/*
 * After a take-over, when everything was set once and before cluster_synced(): @fn for each node that claims
 * a block that another node claims also. cluster_pod() says that a pod of @node has this address.
 */
void cluster_conflicts(struct cluster *c, void (*fn)(void *arg, struct cluster_node *node), void *arg);
void cluster_pod(struct cluster_node *node, const struct addr *addr);
/* Settles these: who has pods in the block, then the older object. From now on there are decisions. */
void cluster_synced(struct cluster *c);

/* Takes a node from the queue; NULL: it is empty. */
struct cluster_node *cluster_next(struct cluster *c);
void cluster_queue(struct cluster *c, struct cluster_node *node);

/*
 * The node's new `allocated` (owned by the caller), or NULL: it is as it should be. The blocks in it are
 * taken at once. @error (emptied first): what stands against the node, for its status; "": nothing.
 */
json_t *cluster_decide(struct cluster *c, struct cluster_node *node, struct error *error);

/* --- between operator_nodes.c, operator_decide.c, operator_pools.c and operator_held.c --- */

/* Makes a claim held, refuses it, or leaves it listed and not held: a missing pool's. */
void claim_settle(struct cluster *c, struct cluster_node *node, struct claim *claim);
/* Of the trees of pools and nodes: both begin with their name. */
int name_compare(const void *a, const void *b);
/* The order of `allocated`: by pool's name, IPv4 first, by prefix. */
int claim_compare(const void *a, const void *b);

/* The pool of this name, made if need be; each call is a user, given back by pool_put(). */
struct cluster_pool *pool_get(struct cluster *c, const char *name);
void pool_put(struct cluster *c, struct cluster_pool *pool);
/* Accepts what can be accepted of the pending versions, the older pools first. */
void pools_accept(struct cluster *c);
/* Whether the block lies in the pool: it counts for the demand; one outside drains. */
bool pool_covers(const struct cluster_pool *pool, const struct prefix *block);
/* The number of addresses that pods can have of the block. */
uint32_t pool_usable(const struct cluster_pool *pool, const struct prefix *block);
/* The next free block; it is not held yet. 0 or -ENOSPC. */
int pool_next_block(struct cluster *c, struct cluster_pool *pool, enum family family, struct prefix *block);
/* Puts a demand into the pool's queue, at most once, and takes it out. */
void pool_wait(struct demand *demand, enum family family, bool wait);
/* The pool may have a free block: the node that waits longest is decided again. */
void pool_wake(struct cluster *c, struct cluster_pool *pool, enum family family);

/* True, and @claim is held, if it overlaps nothing that is held. */
bool held_add(struct cluster *c, struct cluster_node *node, struct claim *claim);
void held_remove(struct cluster *c, struct claim *claim);
/* The one that overlaps @prefix first; NULL: none does. */
const struct held *held_find(const struct cluster *c, const struct prefix *prefix);

#endif

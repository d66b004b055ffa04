/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connectivity test: temporary pods of every pool, and every path between them, the node, other
 * nodes and the world. A path is one direction between two ends in one family; probes of each
 * protocol are sent along it.
 */
#ifndef PP_CONNECTIVITY_H
#define PP_CONNECTIVITY_H

#include "loader/ipam/transactions.h"
#include "loader/net/netlink.h"
#include "loader/kernel/context.h"
#include "loader/connect/probe.h"

struct path {
	char from[PP_NAME + 32], to[PP_NAME + 32]; /* "pod of mars", "node n2" */
	enum family family;
	size_t first, count; /* of its probes */
	char skipped[256];   /* why it was not tried; "": tried */
	char failed[256];    /* the failures; "": none */
};

struct world {
	bool given;
	struct addr addr;
	uint16_t port; /* 0: only echo requests */
};

struct connectivity {
	struct path *paths;    /* owned */
	size_t path_count;
	struct probe *probes;  /* owned */
	size_t probe_count;
};

/*
 * Creates the pods, tries all paths, removes the pods, also after an error or when a signal handler
 * sets *@stop (-EINTR). The node's lock is held only while pods are created and removed. gc cleans
 * up after a killed test: its pods' namespaces have no name and die with the process.
 */
int connectivity_run(const char *root, const struct world *world, const volatile sig_atomic_t *stop,
		     struct connectivity *result, struct error *e);
void connectivity_free(struct connectivity *result);

/* pods.c, for connectivity.c */
#define TEST_PODS 2 /* of each pool: a client and a server */

struct test_pod {
	struct lease_owner owner;
	int netns;                            /* -1: none */
	struct addr ip[FAMILIES];             /* all zero: none of this family */
	struct probe_server server[FAMILIES]; /* of the second pod */
};

struct test_pool {
	char name[PP_NAME];
	bool usable, broken; /* has its pods; could not create them although there were addresses */
	char reason[256];    /* why it has no pods */
	struct test_pod pod[TEST_PODS];
};

/* One entry for each pool, with pods if it can have some. Ends early when *@stop is set. */
int test_pools_make(struct context *node, struct netlink *nl, const volatile sig_atomic_t *stop,
		    struct test_pool **list, size_t *count, struct error *e);
/* Removes all pods; tries each, returns the first error. Frees only resources of the pods. */
int test_pools_remove(struct context *node, struct netlink *nl, struct test_pool *list, size_t count,
		      struct error *e);

/* paths.c, for connectivity.c */
struct test {
	struct context *node;
	struct netlink *nl;
	const struct world *world;
	struct test_pool *pools;
	size_t pool_count;
	struct probe_server host[FAMILIES]; /* on the node */
	struct connectivity *result;
};

/* Opens the node's servers and lists all paths with their probes in t->result. */
int test_paths_list(struct test *t, struct error *e);

#endif

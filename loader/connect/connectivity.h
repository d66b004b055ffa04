/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connectivity test: temporary pods of every pool, and every path that a packet of theirs can
 * take. A path is one direction between two ends in one family; probes of each protocol go along it.
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
	char skipped[256];   /* why it was not tried; "": it was */
	char failed[256];    /* what failed; "": nothing */
};

struct world {
	bool given;
	struct addr addr;
	uint16_t port; /* 0: echo requests alone */
};

struct connectivity {
	struct path *paths;    /* owned */
	size_t path_count;
	struct probe *probes;  /* owned */
	size_t probe_count;
};

/*
 * Makes the pods, tries all paths, removes the pods, also where it fails or where a signal handler
 * sets *@stop (-EINTR). The node's lock is held only while pods come and go. What a killed test
 * leaves behind is gc's: its pods' namespaces have no name and die with the process.
 */
int connectivity_run(const char *root, const struct world *world, const volatile sig_atomic_t *stop,
		     struct connectivity *result, struct error *e);
void connectivity_free(struct connectivity *result);

/* connectivity_pods.c, for connectivity.c */
#define TEST_PODS 2 /* of each pool: one that asks and one that answers */

struct test_pod {
	struct lease_owner owner;
	int netns;                            /* -1: none */
	struct addr ip[FAMILIES];             /* all zero: none of this family */
	struct probe_server server[FAMILIES]; /* of the second pod */
};

struct test_pool {
	char name[PP_NAME];
	bool usable, broken; /* has its pods; could not make them though there were addresses */
	char reason[256];    /* why it has none */
	struct test_pod pod[TEST_PODS];
};

/* One entry for each pool, with pods where it can have some. Stops early where *@stop is set. */
int test_pools_make(struct node *node, struct netlink *nl, const volatile sig_atomic_t *stop,
		    struct test_pool **list, size_t *count, struct error *e);
/* Removes all pods; tries each, returns the first error. Frees nothing but what the pods hold. */
int test_pools_remove(struct node *node, struct netlink *nl, struct test_pool *list, size_t count,
		      struct error *e);

#endif

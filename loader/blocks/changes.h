/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is derived from blocks, or from CiliumNodes, brought up to date for those that changed, so that
 * a change costs the same however large the cluster is. Where something was behind before the
 * change, all is made true instead (sync.h). Under the derived lock.
 */
#ifndef PP_BLOCK_CHANGES_H
#define PP_BLOCK_CHANGES_H

#include "loader/ipam/remote.h"
#include "loader/kernel/context.h"
#include "loader/net/excluded.h"

struct block_changes {
	bool complete; /* all that is derived was up to date before */
	struct block_change_entry {
		struct prefix prefix;
		bool held;
	} *list; /* owned */
	size_t count;
	struct exclusions routes; /* block_changes_routes() */
	bool has_routes;
};

/* Before the first change. */
int block_changes_begin(struct context *node, struct block_changes *c, struct error *e);
/* @held: this node took the block, else it gave it back. */
void block_changes_add(struct block_changes *c, const struct prefix *prefix, bool held);
/* Fills in what the host's routes exclude, read once for all changes. */
int block_changes_routes(struct block_changes *c, struct error *e);
/* Brings up to date what follows from them. */
int block_changes_sync(struct context *node, struct block_changes *c, struct error *e);
void block_changes_free(struct block_changes *c);

/* Other nodes' CiliumNodes that an apply changes. */
struct node_changes {
	bool complete; /* as above, and nothing but these changes: node_changes_sync() will do */
	bool same_services; /* as above, and nothing changes that services depend on */
	struct remote before;
	struct remote_change *list; /* owned; names and objects are not */
	size_t count;
};

/*
 * node_changes_begin() goes before the first of them is stored, node_changes_end() after the last: in
 * between, pp_remote is not there and pp_config says that what is derived is behind.
 */
int node_changes_begin(struct context *node, struct node_changes *c, struct error *e);
int node_changes_end(struct context *node, struct node_changes *c, struct error *e);
void node_changes_free(struct node_changes *c);

/*
 * pp_cidrs, pp_nomasq, pp_excluded and the routes for these nodes; if they are not complete, sync_all().
 * ROUTES_UNREACHABLE as there.
 */
int node_changes_sync(struct context *node, const struct node_changes *c,
		      const struct options *options, struct error *e);

#endif

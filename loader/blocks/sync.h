/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is derived from the maps: pp_cidrs, pp_nomasq, the kernel's routes, the node's block list on
 * disk. Every function can be repeated and makes things true whatever they were. Callers hold the
 * derived lock.
 */
#ifndef PP_SYNC_H
#define PP_SYNC_H

#include "loader/derive/derive.h"
#include "loader/ipam/state.h"
#include "loader/kernel/context.h"
#include "loader/net/netlink.h"
#include "loader/options/options.h"

/* What one synchronization reads; sync_end() frees it. */
struct sync {
	struct state state;
	struct options options;
	struct sources sources; /* of these two */
};

/* Reads it; of other nodes, what has to do with these @count prefixes (@changed NULL: everything). */
int sync_begin(struct context *node, const struct prefix *changed, size_t count, struct sync *s,
	       struct error *e);
/* Without @err notes the generation and writes the block list. Returns the first error. */
int sync_end(struct context *node, struct sync *s, int err, struct error *e);

/* After a change of this node's blocks: pp_cidrs, block routes, state file. */
int sync_blocks(struct context *node, struct error *e);

/* Notes of which generation the derived state is; SYNCED_UNKNOWN: it lacks something. */
#define SYNCED_UNKNOWN UINT64_MAX
int note_synced(struct context *node, uint64_t generation, struct error *e);

/*
 * After a change of the node's addresses or routes, which nobody tells us: the addresses that no pod may
 * get, and the routes of blocks that have some. Takes the derived lock itself.
 */
int sync_hosts(struct context *node, struct netlink *nl, struct error *e);

/*
 * Everything, after a change of objects or options; without @services all but their maps, which are large. ROUTES_UNREACHABLE with a sentence to warn with if
 * all is well but another node's blocks have no direct route: links come and go, so that is no reason
 * to fail.
 */
int sync_all(struct context *node, const struct options *options, bool services, struct error *e);

/*
 * What changes on the host without us: the node's own addresses in pp_ranges and pp_nomasq, and all routes. Pods may
 * come and go meanwhile: the root's lock may be shared. *changes is increased by the routes changed.
 */
int sync_host(struct context *node, const struct options *options, struct netlink *nl,
	      unsigned int *changes, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applying objects (pinpool-ipam(7)): a plan is the whole of what would be, checked; committing it is
 * one transaction per object, in an order of which every prefix is a valid state.
 */
#ifndef PP_APPLY_H
#define PP_APPLY_H

#include "loader/blocks/changes.h"
#include "loader/manifest/manifest.h"
#include "loader/kernel/context.h"
#include "loader/manifest/pool_spec.h"

enum apply_result {
	APPLY_KEPT,       /* was there, not in the input */
	APPLY_UNCHANGED,
	APPLY_CREATED,
	APPLY_CONFIGURED,
	APPLY_DELETED,
	APPLY_TERMINATING, /* a deleted pool that pods still use */
	APPLY_IGNORED,    /* not a kind of ours */
};

struct apply_object {
	enum object_kind kind;
	const char *kind_name; /* as printed: "ciliumpodippool" */
	char name[STORE_NAME];
	enum apply_result result;
	json_t *json;          /* owned; what it will be, or was (APPLY_DELETED) */
	char *text;            /* owned; the same, normalized */
	const char *where;     /* in the input; NULL */
	bool auto_created;
	struct pool_spec pool; /* OBJECT_POOL */
};

struct apply {
	struct apply_object *objects; /* those of the input in order, then kept or pruned ones (APPLY_ALL_NODES) */
	size_t count;
	struct options options;       /* as they will hold */
	bool is_committed;            /* the objects are changed */
	bool is_up;                   /* the plan is of `up`, which warns after a reboot where others fail */
	char **warnings;              /* owned */
	size_t warning_count;
	struct node_changes changes;  /* what apply_commit() changes of other nodes */
};

enum apply_flags {
	APPLY_PRUNE = 1,     /* delete what the input lacks */
	APPLY_LOAD_TIME = 2, /* `up`: load-time options may change */
	APPLY_ALL_NODES = 4, /* the plan has all CiliumNodes, not only those that it is about */
};

/* One object to delete. */
struct apply_delete {
	enum object_kind kind;
	const char *name;
};

/*
 * @manifest must outlive the plan. @settings: what --set says, replaces what the last `up` said; NULL:
 * keep that. @remove: NULL or an object to delete (-ENOENT if it does not exist).
 */
int apply_plan(struct context *node, const struct manifest *manifest, const json_t *settings,
	       const struct apply_delete *remove, unsigned int flags, struct apply *plan,
	       struct error *e);
void apply_free(struct apply *plan);

/* Adds a warning to the plan. */
void apply_warn(struct apply *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Carries it out. Needs the root's lock exclusively. */
int apply_commit(struct context *node, struct apply *plan, struct error *e);

/* The options into node->config (not written). */
void apply_options(struct context *node, const struct options *options);

/*
 * Makes everything that follows from the objects true: config, block states, demand, derived maps and
 * routes. @may_drop false at boot: blocks from before it stay. The first error is kept, all is tried.
 * Positive, with a sentence to warn with, if all is well but a pool has fewer blocks than are needed
 * (BLOCKS_DRY) or another node has no direct route (ROUTES_UNREACHABLE).
 */
int apply_reconcile(struct context *node, const struct options *options, bool may_drop, struct error *e);

/* The same after apply_commit() of the plan: where only CiliumNodes changed, what follows from them. */
int apply_reconcile_plan(struct context *node, const struct apply *plan, struct error *e);

/* The pool's object in the plan as it will be; NULL: none. */
const struct apply_object *apply_pool(const struct apply *plan, const char *name);
/* Whether @prefix lies in a CIDR of the pool as it will be. */
bool apply_covers(const struct apply_object *pool, const struct prefix *prefix);

#endif

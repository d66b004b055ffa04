/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of a whole plan, across its objects (pinpool-ipam(7)); plan.c calls them. */
#ifndef PP_APPLY_CHECK_H
#define PP_APPLY_CHECK_H

#include "loader/apply/apply.h"

/* -EEXIST, -EADDRINUSE, -EINVAL or -ENOENT with a sentence that names both sides. */
int apply_check(struct context *node, struct apply *plan, struct error *e);

/* The CiliumNodes that the plan creates, changes or deletes, by name; the caller frees names. */
struct changed_nodes {
	const char **names; /* sorted */
	size_t count;
	bool any_new; /* not only deleted ones */
};
void changed_nodes_read(const struct apply *plan, struct changed_nodes *c);
bool changed_nodes_have(const struct changed_nodes *c, const char *name);

/* Two parts of apply_check(). @r has other nodes' rows as they are before the plan. */
struct state;
struct remote;
/* Refuses addresses that belong to something else (excluded.h); warns if a pool has them already. */
int apply_check_overlaps(struct context *node, const struct changed_nodes *changed, const struct remote *r,
			 struct apply *plan, struct error *e);
/* Refuses overlapping blocks of two nodes. Unchanged nodes are compared only with the plan's blocks. */
int apply_check_nodes(struct context *node, const struct state *s, const struct changed_nodes *changed,
		      const struct remote *r, struct apply *plan, struct error *e);

/* Whether the object is to be created or changed. */
bool apply_is_fresh(const struct apply_object *o);
/* Whether the object is to be created, changed or deleted. */
bool apply_is_change(const struct apply_object *o);
/* Reads stored objects. With a small input, only those nodes and namespaces that it names are read. */
struct stored;
int apply_read_stored(struct context *node, const struct apply *plan, const struct apply_delete *remove,
		      unsigned int flags, struct stored **list, size_t *count, struct error *e);
/* Fills in plan->changes: the CiliumNodes that change, and whether nothing else does. */
void apply_list_changes(const struct context *node, struct apply *plan);

#endif

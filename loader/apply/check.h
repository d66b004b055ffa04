/* SPDX-License-Identifier: GPL-2.0-only */
/* What a whole plan must fulfil across objects (pinpool-ipam(7)); for apply_plan.c. */
#ifndef PP_APPLY_CHECK_H
#define PP_APPLY_CHECK_H

#include "loader/apply/apply.h"

/* -EEXIST, -EADDRINUSE, -EINVAL or -ENOENT with a sentence that names both sides. */
int apply_check(struct context *node, struct apply *plan, struct error *e);

/* Its part about addresses that are something else's (excluded.h); warns where they are in a pool already. */
int apply_check_overlaps(struct context *node, struct apply *plan, struct error *e);

/* That no block of two nodes overlaps; of what is kept only what the plan's changes overlap is looked at. */
struct state;
int apply_check_nodes(struct context *node, const struct state *s, struct apply *plan, struct error *e);

/* The CiliumNodes that the plan creates, changes or deletes, by name; the caller frees names. */
struct changed_nodes {
	const char **names; /* sorted */
	size_t count;
	bool any_new; /* not only deleted ones */
};
void changed_nodes_read(const struct apply *plan, struct changed_nodes *c);
bool changed_nodes_have(const struct changed_nodes *c, const char *name);

/* Whether the object is to be created, changed or deleted. */
bool apply_is_change(const struct apply_object *o);
/* What is stored, but of other nodes only what the input is about, if that is little. */
struct stored;
int apply_read_stored(struct context *node, const struct apply *plan, const struct apply_delete *remove,
		      unsigned int flags, struct stored **list, size_t *count, struct error *e);
/* Fills in plan->changes: the CiliumNodes that change, and whether nothing else does. */
void apply_list_changes(const struct context *node, struct apply *plan);

#endif

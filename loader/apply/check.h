/* SPDX-License-Identifier: GPL-2.0-only */
/* What a whole plan must fulfil across objects (IPAM.md 5 and 7); for apply_plan.c. */
#ifndef PP_APPLY_CHECK_H
#define PP_APPLY_CHECK_H

#include "loader/apply/apply.h"

/* -EEXIST, -EADDRINUSE, -EINVAL or -ENOENT with a sentence that names both sides. */
int apply_check(struct node *node, struct apply *plan, struct error *e);

/* Its part about addresses that are something else's (excluded.h); warns where they are in a pool already. */
int apply_check_overlaps(struct node *node, struct apply *plan, struct error *e);

#endif

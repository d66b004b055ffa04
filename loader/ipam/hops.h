/* SPDX-License-Identifier: GPL-2.0-only */
/* The next hops of claims; for state.c. */
#ifndef PP_HOPS_H
#define PP_HOPS_H

#include <stddef.h>

struct hops {
	struct hop *list; /* sorted by address; NULL: not listed yet */
	size_t count;
};

void hops_free(struct hops *hops); /* NULL: nothing */

#endif

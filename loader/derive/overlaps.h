/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools over addresses that no pod may get (excluded.h). */
#ifndef PP_OVERLAPS_H
#define PP_OVERLAPS_H

#include "loader/net/excluded.h"
#include "loader/manifest/pool_spec.h"
#include "loader/ipam/state.h"

/*
 * The next exclusion from *at on, which is moved past it, that overlaps a pool's CIDR where none of the
 * family's reserved ranges covers it; NULL: there is none.
 */
const struct exclusion *overlap_next(const struct exclusions *x, const struct prefix *cidr,
				     const struct pool_family_spec *f, size_t *at);

struct overlap {
	const char *pool;
	struct prefix cidr;
	const struct exclusion *exclusion;
};

/* Calls fn for each overlap of an active pool; needs STATE_POOLS, STATE_CIDRS and the exclusions. */
void overlaps_report(struct context *node, const struct state *s,
		     void (*fn)(const struct overlap *overlap, void *arg), void *arg);

#endif

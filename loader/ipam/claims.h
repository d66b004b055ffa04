/* SPDX-License-Identifier: GPL-2.0-only */
/* What the applied CiliumNodes say: whose each block is, and where the nodes are. Pure but for reading. */
#ifndef PP_CLAIMS_H
#define PP_CLAIMS_H

#include <jansson.h>
#include <stddef.h>

#include "loader/kernel/pins.h"
#include "loader/base/prefix.h"
#include "maps/abi.h"

struct claim {
	struct prefix prefix;
	const char *node; /* belongs to the object that it was read from */
	char pool[PP_NAME];
	struct addr next_hop; /* the node's InternalIP of the family; all zero: none */
};

/*
 * Appends a CiliumNode's claims (podCIDRs, pools.allocated) to *list; @default_pool owns podCIDRs; NULL: they
 * are left out.
 */
void claims_of(const json_t *ciliumnode, const char *default_pool, struct claim **list,
	       size_t *count);

/* A CiliumNode's address of @type ("InternalIP", "CiliumInternalIP") and family; false if none. */
bool ciliumnode_address(const json_t *ciliumnode, const char *type, enum family family,
			struct addr *addr);

/* Sorts by prefix (prefix_compare). */
void claims_sort(struct claim *list, size_t count);

#endif

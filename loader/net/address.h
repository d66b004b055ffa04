/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of network devices. */
#ifndef PP_ADDRESS_H
#define PP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/base/prefix.h"

struct address {
	uint32_t ifindex;
	struct addr addr;
	uint32_t length; /* of its on-link prefix, of 128 */
	uint32_t flags;  /* IFA_F_* */
	uint8_t scope;   /* RT_SCOPE_* */
};

/* Queues: adds @addr alone (/32, /128), without DAD and without a prefix route; exists: success. */
void address_add(struct netlink *nl, uint32_t ifindex, const struct addr *addr);

/* All addresses of the namespace in the kernel's order. The caller frees *list. */
int address_list(struct netlink *nl, struct address **list, size_t *count, struct error *e);
/* Whether the device @ifindex has @addr. */
int address_find(struct netlink *nl, uint32_t ifindex, const struct addr *addr, bool *found, struct error *e);
/*
 * The first of @list on @ifindex that others can reach: not link-local, not host scope, not
 * deprecated, temporary, tentative or secondary. NULL if there is none.
 */
const struct address *address_primary(const struct address *list, size_t count, uint32_t ifindex,
				      enum family family);

#endif

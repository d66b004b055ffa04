/* SPDX-License-Identifier: GPL-2.0-only */
/* Permanent neighbours: addresses that need no ARP or ND. */
#ifndef PP_NEIGHBOUR_H
#define PP_NEIGHBOUR_H

#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "maps/addr.h"

/* Queues: makes @addr on @ifindex permanently resolve to @mac; replaces an existing entry. */
void neighbour_add(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		   const uint8_t mac[6]);
/* 0 if @addr on @ifindex is permanently at @mac; -ENOENT if not. */
int neighbour_check(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		    const uint8_t mac[6], struct error *e);

struct neighbour {
	uint32_t ifindex;
	struct addr addr;
	uint8_t mac[6];
};

/* All permanent neighbours of the namespace. The caller frees *list. */
int neighbour_list(struct netlink *nl, struct neighbour **list, size_t *count, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Permanent neighbours: who needs no ARP or ND. */
#ifndef PP_NEIGHBOUR_H
#define PP_NEIGHBOUR_H

#include <stdint.h>

#include "loader/error.h"
#include "loader/netlink.h"
#include "maps/addr.h"

/* Queues: @addr on @ifindex is at @mac for ever; replaces what was there. */
void neighbour_add(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		   const uint8_t mac[6]);
/* 0 if @addr on @ifindex is permanently at @mac; -ENOENT if not. */
int neighbour_check(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		    const uint8_t mac[6], struct error *e);

#endif

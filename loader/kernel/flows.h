/* SPDX-License-Identifier: GPL-2.0-only */
/* The masqueraded flows as userspace sees them. */
#ifndef PP_FLOWS_LOADER_H
#define PP_FLOWS_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/kernel/clock.h"
#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "maps/flows.h"

struct flow_entry {
	uint32_t slot;
	struct flow flow;
};

/*
 * Lists the live flows: not dying, not expired, of an existing pod. The caller frees *list. @clock
 * gets the time at which they were read.
 */
int flows_read(struct pins *pins, struct flow_entry **list, size_t *count, struct clock *clock,
	       struct error *e);

/*
 * Ends flows that cannot be answered: those with an address that the node has lost, and those of
 * portless protocols after these are not masqueraded any more. *ended: their number.
 */
int flows_end_stale(struct pins *pins, struct netlink *nl, unsigned int *ended, struct error *e);

/* Starts the timer that ages flows; started already: success. */
int flows_arm(struct pins *pins, struct error *e);

/* All addresses of the node, sorted; the caller frees *list. */
int node_addresses(struct netlink *nl, struct addr **list, size_t *count, struct error *e);
bool node_has_address(const struct addr *list, size_t count, const struct addr *addr);

/* "tcp", "udp", "icmp", "icmpv6" …, or the number in @text (12 bytes). */
const char *protocol_name(enum protocol protocol, char *text);
/* "syn", "established", "closing", "unreplied", "replied", "stream", "query", "other" */
const char *flow_state_name(enum flow_state state);

#endif

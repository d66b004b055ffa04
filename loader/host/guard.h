/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XDP guard on uplinks (xdp-guard: native), through libxdp so that it shares the interface with
 * others: never in generic mode, never in the place of a foreign program.
 */
#ifndef PP_GUARD_H
#define PP_GUARD_H

#include <stdint.h>

#include "loader/base/error.h"
#include "loader/kernel/context.h"

enum guard_mode {
	GUARD_NONE,       /* ours is not there */
	GUARD_DISPATCHER, /* one of several programs, by libxdp's dispatcher */
	GUARD_SINGLE,     /* alone: the kernel refused the dispatcher */
};

/*
 * Attaches the guard to the interface, in the place of an older one of ours. -EBUSY: a foreign program
 * is there that does not share; -EOPNOTSUPP: the driver has no native XDP.
 */
int guard_attach(struct node *node, const struct options *options, uint32_t ifindex,
		 const char *ifname, struct error *e);
/* Takes ours off; none there: success. */
int guard_detach(uint32_t ifindex, struct error *e);
/* What is there; a read of the kernel's state. */
enum guard_mode guard_query(uint32_t ifindex);

#endif

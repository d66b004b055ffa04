/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XDP guard on uplinks (xdp-guard: native), through libxdp so that it shares the interface with
 * others. It never uses generic mode and never replaces a foreign program.
 */
#ifndef PP_GUARD_H
#define PP_GUARD_H

#include <stdint.h>

#include "loader/base/error.h"
#include "loader/kernel/context.h"

enum guard_mode {
	GUARD_NONE,       /* not attached */
	GUARD_DISPATCHER, /* one of several programs in libxdp's dispatcher */
	GUARD_SINGLE,     /* alone: the kernel rejected the dispatcher */
};

/*
 * Attaches the guard to the interface, replacing an older one of ours. -EBUSY: a foreign program is
 * attached that does not share; -EOPNOTSUPP: the driver has no native XDP.
 */
int guard_attach(struct context *node, const struct options *options, uint32_t ifindex,
		 const char *ifname, struct error *e);
/* Detaches ours; none there: success. */
int guard_detach(uint32_t ifindex, struct error *e);
/* The guard's present state, read from the kernel. */
enum guard_mode guard_query(uint32_t ifindex);

#endif

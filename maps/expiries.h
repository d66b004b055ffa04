/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_expiries: the latest time at which any entry of a table of connections expires; one entry. A new
 * flow skips a table with none: the memory of an empty one is cold. It is raised before an entry is
 * written, by packet programs and by `up` from ABI 1.
 */
#ifndef PP_EXPIRIES_H
#define PP_EXPIRIES_H

#include <linux/types.h>

struct expiries {
	__u32 inbound;    /* clock units: of pp_inbound */
	__u32 node_conns; /* of pp_node_conns: TCP and UDP */
};

#endif

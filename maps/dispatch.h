/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_dispatch: programs shared by all pods. A pod's veth only jumps to a slot, so one map update
 * moves the whole node to another version.
 */
#ifndef PP_DISPATCH_H
#define PP_DISPATCH_H

#include <linux/types.h>

enum dispatch {
	DISPATCH_POD, /* pp_from_pod */
	DISPATCHES,
};

#endif

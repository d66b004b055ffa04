/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_DISPATCH_BPF_H
#define PP_DISPATCH_BPF_H

#include "maps/dispatch.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, DISPATCHES);
	__type(key, __u32);
	__type(value, __u32);
} pp_dispatch SEC(".maps");

#endif

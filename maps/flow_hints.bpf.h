/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_HINTS_BPF_H
#define PP_FLOW_HINTS_BPF_H

#include "maps/flow_hints.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_HINTS);
	__type(key, __u32);
	__type(value, struct flow_ref);
} pp_flow_hints SEC(".maps");

#endif

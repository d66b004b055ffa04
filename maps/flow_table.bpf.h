/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_TABLE_BPF_H
#define PP_FLOW_TABLE_BPF_H

#include "maps/flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_table);
} pp_flow_table SEC(".maps");

#endif

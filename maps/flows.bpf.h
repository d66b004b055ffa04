/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOWS_BPF_H
#define PP_FLOWS_BPF_H

#include "maps/flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOWS_MAX);
	__type(key, __u32);
	__type(value, struct flow);
} pp_flows SEC(".maps");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_FREE_BPF_H
#define PP_FLOW_FREE_BPF_H

#include "maps/flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, FLOWS_MAX);
	__uint(key_size, 0);
	__uint(value_size, sizeof(__u32));
} pp_flow_free SEC(".maps");

#endif

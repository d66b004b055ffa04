/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_TIMER_BPF_H
#define PP_FLOW_TIMER_BPF_H

#include "maps/flow_timer.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_timer);
} pp_flow_timer SEC(".maps");

#endif

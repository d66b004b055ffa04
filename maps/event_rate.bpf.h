/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_EVENT_RATE_BPF_H
#define PP_EVENT_RATE_BPF_H

#include "maps/events.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_rate);
} pp_event_rate SEC(".maps");

#endif

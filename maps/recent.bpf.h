/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_RECENT_MAP_BPF_H
#define PP_RECENT_MAP_BPF_H

#include "maps/recent.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECENT_MAX);
	__type(key, __u32);
	__type(value, struct recent);
} pp_recent SEC(".maps");

#endif

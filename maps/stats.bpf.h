/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_STATS_BPF_H
#define PP_STATS_BPF_H

#include "maps/stats.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stats);
} pp_stats SEC(".maps");

#endif

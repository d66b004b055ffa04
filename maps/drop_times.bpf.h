/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_DROP_TIMES_BPF_H
#define PP_DROP_TIMES_BPF_H

#include "maps/drop_times.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STATS_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} pp_drop_times SEC(".maps");

#endif

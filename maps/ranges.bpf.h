/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_RANGES_BPF_H
#define PP_RANGES_BPF_H

#include "maps/ranges.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ranges);
} pp_ranges SEC(".maps");

#endif

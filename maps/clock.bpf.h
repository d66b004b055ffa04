/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_CLOCK_BPF_H
#define PP_CLOCK_BPF_H

#include "maps/clock.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} pp_clock SEC(".maps");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POOLS_BPF_H
#define PP_POOLS_BPF_H

#include "maps/pools.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, POOLS_MAX);
	__type(key, __u32);
	__type(value, struct pool);
} pp_pools SEC(".maps");

#endif

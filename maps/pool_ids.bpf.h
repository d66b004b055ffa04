/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POOL_IDS_BPF_H
#define PP_POOL_IDS_BPF_H

#include "maps/pools.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, POOLS_MAX);
	__type(key, struct pool_name);
	__type(value, __u32);
} pp_pool_ids SEC(".maps");

#endif

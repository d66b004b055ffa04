/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_CACHE_BPF_H
#define PP_FLOW_CACHE_BPF_H

#include "maps/flow_cache.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_CACHE_ENTRIES);
	__type(key, __u32);
	__type(value, struct cache_entry);
} pp_flow_cache SEC(".maps");

#endif

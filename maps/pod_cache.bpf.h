/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POD_CACHE_BPF_H
#define PP_POD_CACHE_BPF_H

#include "maps/pod_cache.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pod_cache);
} pp_pod_cache SEC(".maps");

#endif

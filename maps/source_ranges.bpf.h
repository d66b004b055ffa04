/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_SOURCE_RANGES_BPF_H
#define PP_SOURCE_RANGES_BPF_H

#include "maps/services.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOURCE_RANGES_MAX);
	__type(key, struct source_key);
	__type(value, __u32);
} pp_source_ranges SEC(".maps");

#endif

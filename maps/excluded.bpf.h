/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_EXCLUDED_BPF_H
#define PP_EXCLUDED_BPF_H

#include "maps/excluded.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CHUNKS_MAX);
	__type(key, struct ips_key);
	__type(value, struct ips_chunk);
} pp_excluded SEC(".maps");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_BLOCKS_BPF_H
#define PP_BLOCKS_BPF_H

#include "maps/blocks.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BLOCKS_MAX);
	__type(key, __u32);
	__type(value, struct block);
} pp_blocks SEC(".maps");

#endif

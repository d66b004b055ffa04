/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_PENDING_BPF_H
#define PP_PENDING_BPF_H

#include "maps/pending.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PENDING_MAX);
	__type(key, struct pending_key);
	__type(value, struct pending);
} pp_pending SEC(".maps");

#endif

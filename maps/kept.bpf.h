/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_KEPT_BPF_H
#define PP_KEPT_BPF_H

#include "maps/kept.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KEPT_MAX);
	__type(key, struct flow_key);
	__type(value, struct inbound);
} pp_kept SEC(".maps");

#endif

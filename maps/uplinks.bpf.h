/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_UPLINKS_BPF_H
#define PP_UPLINKS_BPF_H

#include "maps/uplinks.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UPLINKS_MAX);
	__type(key, __u32);
	__type(value, struct uplink);
} pp_uplinks SEC(".maps");

#endif

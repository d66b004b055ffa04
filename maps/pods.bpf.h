/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_PODS_BPF_H
#define PP_PODS_BPF_H

#include "maps/pods.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	/* such a map begins with a page, so that each record is one cache line */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PODS_MAX);
	__type(key, __u32);
	__type(value, struct pod);
} pp_pods SEC(".maps");

#endif

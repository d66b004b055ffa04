/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_NODE_IPS_BPF_H
#define PP_NODE_IPS_BPF_H

#include "maps/node_ips.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NODE_IPS_MAX);
	__type(key, struct addr);
	__type(value, __u32); /* 1 */
} pp_node_ips SEC(".maps");

#endif

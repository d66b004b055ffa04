/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POOL_CIDRS_BPF_H
#define PP_POOL_CIDRS_BPF_H

#include "maps/pool_cidrs.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, POOL_CIDRS_TOTAL);
	__type(key, struct pool_cidr_key);
	__type(value, struct pool_cidr);
} pp_pool_cidrs SEC(".maps");

#endif

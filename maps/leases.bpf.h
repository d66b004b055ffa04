/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_LEASES_BPF_H
#define PP_LEASES_BPF_H

#include "maps/leases.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LEASES_MAX);
	__type(key, struct lease_owner);
	__type(value, struct lease);
} pp_leases SEC(".maps");

#endif

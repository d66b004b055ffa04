/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_CONFIG_BPF_H
#define PP_CONFIG_BPF_H

#include "maps/config.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct config);
} pp_config SEC(".maps");

#endif

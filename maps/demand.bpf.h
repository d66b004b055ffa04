/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_DEMAND_BPF_H
#define PP_DEMAND_BPF_H

#include "maps/demand.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DEMAND_BYTES);
} pp_demand SEC(".maps");

#endif

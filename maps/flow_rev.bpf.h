/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_REV_BPF_H
#define PP_FLOW_REV_BPF_H

#include "maps/flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key); /* as the answer arrives */
	__type(value, struct flow_ref);
} pp_flow_rev SEC(".maps");

#endif

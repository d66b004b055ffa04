/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FLOW_FWD_BPF_H
#define PP_FLOW_FWD_BPF_H

#include "maps/flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow_ref);
} pp_flow_fwd SEC(".maps");

#endif

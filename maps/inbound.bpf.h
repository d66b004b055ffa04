/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_INBOUND_BPF_H
#define PP_INBOUND_BPF_H

#include "maps/inbound.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, INBOUND_MAX);
	__type(key, struct flow_key);
	__type(value, struct inbound);
} pp_inbound SEC(".maps");

#endif

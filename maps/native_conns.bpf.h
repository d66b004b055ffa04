/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_NATIVE_CONNS_BPF_H
#define PP_NATIVE_CONNS_BPF_H

#include "maps/native_conns.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NATIVE_CONNS_MAX);
	__type(key, struct flow_key);
	__type(value, struct inbound);
} pp_native_conns SEC(".maps");

#endif

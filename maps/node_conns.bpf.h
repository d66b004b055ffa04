/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_NODE_CONNS_BPF_H
#define PP_NODE_CONNS_BPF_H

#include "maps/node_conns.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NODE_CONNS_MAX);
	__type(key, struct flow_key);
	__type(value, struct node_conn);
} pp_node_conns SEC(".maps");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_NOMASQ_BPF_H
#define PP_NOMASQ_BPF_H

#include "maps/nomasq.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NOMASQ_MAX);
	__type(key, struct cidr_key);
	__type(value, struct nomasq);
} pp_nomasq SEC(".maps");

#endif

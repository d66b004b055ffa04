/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FRAGS_BPF_H
#define PP_FRAGS_BPF_H

#include "maps/frags.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGS_MAX);
	__type(key, struct frag_key);
	__type(value, struct frag);
} pp_frags SEC(".maps");

#endif

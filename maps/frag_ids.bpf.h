/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_FRAG_IDS_BPF_H
#define PP_FRAG_IDS_BPF_H

#include "maps/frag_ids.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAG_ID_BUCKETS);
	__type(key, __u32);
	__type(value, struct frag_ids);
} pp_frag_ids SEC(".maps");

#endif

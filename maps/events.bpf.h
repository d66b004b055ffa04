/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_EVENTS_BPF_H
#define PP_EVENTS_BPF_H

#include "maps/events.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} pp_events SEC(".maps");

#endif

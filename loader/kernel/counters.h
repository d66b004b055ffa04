/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of pp_stats, summed over the CPUs, with their names. */
#ifndef PP_COUNTERS_H
#define PP_COUNTERS_H

#include "loader/base/error.h"
#include "loader/kernel/pins.h"
#include "maps/stats.h"

enum counter_kind { COUNTER_VERDICT, COUNTER_DROP, COUNTER_FLOW };

struct counter_name {
	enum counter_kind kind;
	const char *name; /* "pod_local" */
	const char *help; /* what the packets have in common */
};

extern const struct counter_name counter_names[STATS_COUNT];

/* Sums over all CPUs by enum stat. */
int counters_read(struct pins *pins, struct counter counters[STATS_COUNT], struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Load-time configuration of the object that includes this, and the clock derived from it. */
#ifndef PP_CONFIG_DATAPATH_BPF_H
#define PP_CONFIG_DATAPATH_BPF_H

#include "maps/clock.bpf.h"
#include "maps/datapath.h"

const volatile struct datapath_config cfg = DATAPATH_DEFAULTS;

/* the JIT inlines jiffies (2 ns); a clock helper costs ten times as much */
static __always_inline __u32 clock_units(void)
{
	if (cfg.virtual_clock) {
		__u32 zero = 0;
		__u32 *now = bpf_map_lookup_elem(&pp_clock, &zero);

		return now ? *now : 0;
	}
	return bpf_jiffies64() >> cfg.clock_shift;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_flow_timer: timer that ages flows. The map stays pinned, because a timer ends with the last
 * user reference to its map. pp_flows_arm starts it, and moves it to a new version's program.
 */
#ifndef PP_FLOW_TIMER_H
#define PP_FLOW_TIMER_H

#include <linux/bpf.h>

struct flow_timer {
	struct bpf_timer timer;
};

#endif

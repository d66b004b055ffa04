/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_drop_times: time of the last drop per reason (enum stat), per CPU, in clock units
 * (maps/datapath.h); 0: never. Counters only grow, so `status` needs it to see which drops are current.
 */
#ifndef PP_DROP_TIMES_H
#define PP_DROP_TIMES_H

#include "maps/stats.h"

#endif

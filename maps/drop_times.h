/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_drop_times: when each reason of drop last happened, per cpu, by enum stat, in clock units
 * (maps/datapath.h); 0: never. Counters only grow: this tells `status` what is recent.
 */
#ifndef PP_DROP_TIMES_H
#define PP_DROP_TIMES_H

#include "maps/stats.h"

#endif

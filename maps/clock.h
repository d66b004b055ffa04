/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_clock: the time in tests, in clock units; read only where datapath_config.virtual_clock is set. */
#ifndef PP_CLOCK_H
#define PP_CLOCK_H

#include <linux/types.h>

#endif

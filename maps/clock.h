/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_clock: time in clock units for tests; read only with datapath_config.virtual_clock. */
#ifndef PP_CLOCK_H
#define PP_CLOCK_H

#include <linux/types.h>

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock of the datapath, in units of about a second (maps/datapath.h). */
#ifndef PP_CLOCK_LOADER_H
#define PP_CLOCK_LOADER_H

#include <stdint.h>

#include "loader/kernel/pins.h"

struct clock {
	uint32_t hz; /* the kernel's */
	uint32_t shift; /* a unit is 2^shift jiffies */
	uint32_t now; /* in units; wraps */
};

/* Reads the kernel's clock by programs that run at once. 0 or -errno. */
int clock_read(struct pins *pins, struct clock *clock);
/* Seconds from now until the end of unit @expires; negative if it has passed. */
int clock_seconds_left(const struct clock *clock, uint32_t expires);
/* The shift with 2^shift nearest to @hz. */
uint32_t clock_shift(uint32_t hz);

#endif

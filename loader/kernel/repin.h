/* SPDX-License-Identifier: GPL-2.0-only */
/* Restores pins that were removed by hand. */
#ifndef PP_REPIN_H
#define PP_REPIN_H

#include "loader/kernel/pins.h"

/*
 * Pins maps whose pin is missing while a pinned program still uses them: otherwise loading would
 * create empty ones beside the full ones. The root is open and locked. 0 or -errno with a sentence;
 * none missing, or none found: success.
 */
int repin_maps(struct pins *pins, struct error *e);

#endif

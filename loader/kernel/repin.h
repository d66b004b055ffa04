/* SPDX-License-Identifier: GPL-2.0-only */
/* Pins that somebody removed by hand, put back. */
#ifndef PP_REPIN_H
#define PP_REPIN_H

#include "loader/kernel/pins.h"

/*
 * Pins the maps again that lack a pin while a pinned program still uses them: without this, loading
 * would make empty ones beside those that are full. The root is open and locked. 0 or -errno with a
 * sentence; none missing, or nothing left that knows them: success.
 */
int repin_maps(struct pins *pins, struct error *e);

#endif

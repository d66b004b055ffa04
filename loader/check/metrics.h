/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_METRICS_H
#define PP_METRICS_H

#include <stdio.h>

#include "loader/kernel/context.h"

/* Writes the node's metrics as OpenMetrics 1.0 text, without the end mark "# EOF". 0 or -errno with a sentence. */
int metrics_write(struct context *node, FILE *out, struct error *e);

#endif

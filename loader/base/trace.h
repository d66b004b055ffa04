/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `pinpool -v` prints each change of kernel or disk as it is made, one line on standard error.
 * Nothing else is printed by code below the commands.
 */
#ifndef PP_TRACE_H
#define PP_TRACE_H

#include <stdbool.h>

extern bool trace_enabled; /* main sets it before any command */

/* "pinpool: SENTENCE" on stderr where trace_enabled; errno stays. */
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Test Anything Protocol for the C tests: ok(cond, name) per case, return tap_done() from main. */
#ifndef PP_TAP_H
#define PP_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline bool ok(bool pass, const char *fmt, ...)
{
	va_list ap;

	tap_failed += !pass;
	printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return pass;
}

/* By what time limits are multiplied: emulated machines need more. */
static inline int tap_slow(void)
{
	const char *slow = getenv("PINPOOL_SLOW");

	return slow ? atoi(slow) : 1;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Output of -v. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "loader/base/trace.h"

bool trace_enabled;

void trace(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!trace_enabled)
		return;
	flockfile(stderr);
	fputs("pinpool: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	funlockfile(stderr);
	errno = saved;
}

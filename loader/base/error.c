// SPDX-License-Identifier: GPL-2.0-only
/* Errors: one sentence per failure, written where the cause is known and printed by the command. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "loader/base/error.h"

int error_set(struct error *e, int err, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return err;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return err;
}

int error_wrap(struct error *e, int err, const char *fmt, ...)
{
	struct error inner;
	size_t n;
	va_list ap;

	if (!e)
		return err;
	inner = *e;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	for (const char *s = ": "; *s && n < sizeof(e->text) - 1; s++)
		e->text[n++] = *s;
	for (const char *s = inner.text; *s && n < sizeof(e->text) - 1; s++)
		e->text[n++] = *s;
	e->text[n] = 0;
	return err;
}

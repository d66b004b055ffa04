// SPDX-License-Identifier: GPL-2.0-only
/* One look at everything. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "loader/check/audit_parts.h"

void violation(struct audit *a, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	a->count++;
	if (!a->report || !a->report->fn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	a->report->fn(text, a->report->arg);
}

static void report_row(const char *text, void *arg)
{
	violation(arg, "%s", text);
}

/* The maps that follow from others. */
static int audit_maps(struct audit *a, struct error *e)
{
	const struct sources x = { a->node, &a->s, &a->options, a->nl };
	const struct row_report report = { report_row, a };

	return derived_compare(&x, DERIVED_LEASES | DERIVED_ALL | DERIVED_SERVICES, &report, e);
}

int audit_run(struct context *node, struct netlink *nl, const struct audit_report *report,
	      size_t *count, struct error *e)
{
	struct audit a = { .node = node, .nl = nl, .report = report };
	int err = state_read(node, AUDIT_STATE, &a.s, e);

	if (!err)
		err = context_options(node, &a.options, e);
	if (!err)
		err = state_read_exclusions(&a.s, nl, e);
	if (!err) {
		audit_leases(&a);
		audit_blocks(&a);
		err = audit_maps(&a, e);
	}
	if (!err)
		err = audit_remote(&a, e);
	if (!err)
		err = audit_links(&a, e);
	if (!err)
		err = audit_routes(&a, e);
	if (!err)
		err = audit_flows(&a, e);
	if (!err)
		audit_host(&a);
	*count = a.count;
	options_free(&a.options);
	state_free(&a.s);
	return err;
}

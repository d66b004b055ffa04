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

int audit_run(struct node *node, struct netlink *nl, const struct audit_report *report,
	      size_t *count, struct error *e)
{
	struct audit a = { .node = node, .nl = nl, .report = report };
	int err = snapshot_read(node, &a.s, e);

	if (!err)
		err = node_options(node, &a.options, e);
	if (!err)
		err = facts_exclusions(&a.s.facts, nl, e);
	if (!err) {
		wanted_build(&a.s, &a.w);
		audit_leases(&a);
		audit_blocks(&a);
		audit_overlaps(&a);
		audit_pools(&a);
		audit_pods(&a);
		err = audit_links(&a, e);
	}
	if (!err)
		err = audit_derived(&a, e);
	if (!err)
		err = audit_flows(&a, e);
	if (!err)
		audit_host(&a);
	*count = a.count;
	wanted_free(&a.w);
	options_free(&a.options);
	snapshot_free(&a.s);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* pp_remote against the CiliumNodes. */
#include "loader/check/audit_parts.h"

static void report(const struct remote_row *row, const char *name, const char *what, void *arg)
{
	char text[PREFIX_TEXT];

	violation(arg, REMOTE_MAP ": %s row %s of CiliumNode \"%s\"", what,
		  prefix_format(&row->prefix, text), name);
}

int audit_remote(struct audit *a, struct error *e)
{
	return remote_compare(a->node, report, a, e);
}

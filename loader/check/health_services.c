// SPDX-License-Identifier: GPL-2.0-only
/* Services: how many there are, and whether sockets are translated. */
#include <stdlib.h>

#include "loader/check/health_parts.h"
#include "loader/kernel/map.h"
#include "loader/services/plan.h"
#include "loader/services/sockets.h"

void health_services(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "services");
	struct service_row *rows = NULL;
	char text[SOCKETS_TEXT];
	size_t count;

	if (MAP_READ(&x->node->pins, PIN_SERVICES, rows, count, key, service, NULL))
		part_fail(p, "pp_services cannot be read; run 'pinpool up'");
	else
		part_note(p, count ? "%zu frontends" : "none", count);
	free(rows);
	switch (sockets_read(x->node, &x->options, text)) {
	case SOCKETS_ATTACHED:
		part_note(p, "sockets of %s", text);
		break;
	case SOCKETS_PARTLY:
		part_fail(p, "socket programs are not all attached to %s; run 'pinpool check --fix'", text);
		break;
	case SOCKETS_NO_CGROUP:
		part_fail(p, "%s", text);
		break;
	case SOCKETS_OFF:
		if (*text)
			part_note(p, "%s", text);
		break;
	}
}

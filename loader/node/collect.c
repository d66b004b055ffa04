// SPDX-License-Identifier: GPL-2.0-only
/* What crashes and administrators left behind freed, and the host followed. */
#include "loader/blocks/list.h"
#include "loader/kernel/flows.h"
#include "loader/node/node.h"
#include "loader/pod/pod.h"

static void add_error(struct collected *c, const struct error *e)
{
	c->errors[c->error_count++] = *e;
}

void node_collect(struct context *node, struct netlink *nl, unsigned int age, struct collected *c)
{
	struct repair r;
	struct error e;
	unsigned int flows;

	*c = (struct collected){};
	c->pods_failed = pod_gc(node, nl, &c->freed, &e) != 0;
	if (c->pods_failed)
		add_error(c, &e);
	repair_node(node, nl, &r);
	for (int part = 0; part < REPAIR_PARTS; part++)
		if (r.failed[part])
			add_error(c, &r.errors[part]);
	c->repaired = r.changes;
	if (block_list_catch_up(node, &e))
		add_error(c, &e);
	if (flows_end_stale(&node->pins, nl, &flows, &e))
		add_error(c, &e);
	if (pods_move_to_tcx(node, nl, age, &e))
		add_error(c, &e);
}

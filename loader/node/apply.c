// SPDX-License-Identifier: GPL-2.0-only
/* A plan carried out, and the node made to follow. */
#include "loader/derive/derive.h"
#include "loader/ipam/transactions.h"
#include "loader/node/node.h"

static void note_terminating(struct context *node, struct apply *plan)
{
	struct pool pool;
	uint32_t id;

	for (size_t i = 0; i < plan->count; i++) {
		struct apply_object *o = &plan->objects[i];

		if (o->kind == OBJECT_POOL && o->result == APPLY_DELETED &&
		    !ipam_pool_find(&node->pins, o->name, &id, &pool) && pool.state == POOL_TERMINATING)
			o->result = APPLY_TERMINATING;
	}
}

/* Frontends that another service has, and the like. */
static void note_services(struct context *node, struct apply *plan)
{
	struct state state = {};
	struct services s = {};
	bool any = false;

	for (size_t i = 0; i < plan->count; i++)
		any |= plan->objects[i].kind == OBJECT_SERVICE && (plan->objects[i].result == APPLY_CREATED ||
								   plan->objects[i].result == APPLY_CONFIGURED);
	if (!any || state_read(node, STATE_SERVICES, &state, NULL))
		return;
	services_of(node, &plan->options, &state, &s);
	for (size_t i = 0; i < s.refused_count; i++)
		apply_warn(plan, "%s", s.refused[i]);
	services_free(&s);
	state_free(&state);
}

int node_apply(struct context *node, struct netlink *nl, struct apply *plan, struct error *e)
{
	struct error later;
	struct repair r;
	int err = repair_check(node, &plan->options, e), second;

	if (!err)
		err = apply_commit(node, plan, e);
	if (err)
		return err;
	plan->is_committed = true;
	/* devices may have come, gone, or been renamed by an option: not by other nodes */
	if (!plan->changes.complete)
		err = repair_host(node, nl, &plan->options, 0, &r, e);
	second = apply_reconcile_plan(node, plan, &later);
	note_terminating(node, plan);
	note_services(node, plan);
	if (second > 0)
		apply_warn(plan, "%s", later.text);
	if (err || second >= 0)
		return err;
	*e = later;
	return second;
}

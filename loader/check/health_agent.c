// SPDX-License-Identifier: GPL-2.0-only
/* The state of a managed node's agent, and the objects that it rejected. */
#include <jansson.h>
#include <time.h>

#include "loader/check/health_parts.h"
#include "loader/ipam/managed.h"

#define SYNCED_SECONDS 60 /* the agent's own interval is a fraction of it */
#define REJECTED_SHOWN 3

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "?";
}

static void report_rejected(struct health_part *p, const json_t *rejected)
{
	size_t count = json_array_size(rejected);

	for (size_t i = 0; i < count && i < REJECTED_SHOWN; i++) {
		const json_t *object = json_array_get(rejected, i);

		part_fail(p, "%.16s/%.64s not accepted: %.200s", text_of(object, "kind"), text_of(object, "name"),
			  text_of(object, "reason"));
	}
	if (count > REJECTED_SHOWN)
		part_fail(p, "%zu more not accepted", count - REJECTED_SHOWN);
}

/* The operator's last error for this node, and unmet demand. */
static void report_operator(struct health_part *p, const json_t *operator)
{
	const char *error = json_string_value(json_object_get(operator, "error"));
	long long waiting = json_integer_value(json_object_get(operator, "waiting"));

	if (error)
		part_fail(p, "operator: %.300s", error);
	else if (waiting)
		part_fail(p, "demand not met by an operator for %lld s", waiting);
	else
		part_note(p, "operator %s", json_is_object(operator) ? "OK" : "not seen");
}

static void report(struct health_part *p, const json_t *status)
{
	long long synced = json_integer_value(json_object_get(status, "synced"));
	long long age = time(NULL) - synced;
	const char *trouble = json_string_value(json_object_get(status, "trouble"));

	part_note(p, "last sync %lld s ago", age > 0 ? age : 0);
	part_note(p, "pid %lld", (long long)json_integer_value(json_object_get(status, "pid")));
	report_operator(p, json_object_get(status, "operator"));
	if (trouble && *trouble)
		part_fail(p, "%.300s", trouble);
	if (!synced)
		part_fail(p, "never synced");
	else if (age > SYNCED_SECONDS)
		part_fail(p, "last sync %lld s ago", age);
	report_rejected(p, json_object_get(status, "rejected"));
}

void health_agent(struct health *h, struct examination *x)
{
	struct health_part *p;
	json_t *status;

	if (!x->node->config.managed)
		return;
	p = part_begin(h, "agent");
	status = agent_status_get(x->node);
	if (status)
		report(p, status);
	else
		part_fail(p, "not seen since this node is up");
	part_end(p, json_array_size(json_object_get(status, "rejected")) ?
			    "correct the objects with kubectl" :
			    "look at the log of pinpool-agent; pods come and go on the blocks that this node has");
	json_decref(status);
}

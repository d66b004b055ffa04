// SPDX-License-Identifier: GPL-2.0-only
/* What the agent knows of itself: for pinpool status, for kubectl describe, for Prometheus and for probes. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "loader/check/metrics.h"
#include "loader/ipam/managed.h"
#include "loader/ipam/state.h"
#include "loader/kube/agent.h"
#include "loader/manifest/manifest.h"
#include "loader/text/text.h"

#define HEARTBEAT_MS 20000 /* pinpool status complains after a minute */
#define WAITING_MS 15000   /* an operator answers within milliseconds */

/* Of the first watch that is not connected; "" if all are. */
static const char *watches_trouble(const struct agent *a)
{
	const char *trouble = "";

	for (int i = 0; i < AGENT_WATCHES && !*trouble; i++)
		trouble = a->watches[i] ? watch_trouble(a->watches[i]) : "";
	return trouble;
}

static const char *trouble_of(const struct agent *a)
{
	const char *trouble = watches_trouble(a);

	return *trouble ? trouble : a->own.trouble[0] ? a->own.trouble : a->trouble;
}

/* Seconds since the epoch of the last full contact with the API server; 0: never. */
static long long last_contact(const struct agent *a)
{
	uint64_t heard = watches_heard(a);

	if (!a->is_synced || !heard)
		return 0;
	return time(NULL) - (*watches_trouble(a) ? (long long)(loop_now() - heard) / 1000 : 0);
}

/* The operator as this node sees it: its last word, or that it does not answer. */
static json_t *operator_of(const struct agent *a)
{
	const char *error = json_text(a->own.server, "status.ipam.operator-status.error");
	json_t *operator = json_pack("{s:s*}", "error", *error ? error : NULL);

	if (a->own.unmet_since && loop_now() - a->own.unmet_since > WAITING_MS)
		json_object_set_new(operator, "waiting", json_integer((loop_now() - a->own.unmet_since) / 1000));
	return operator;
}

static void report(void *arg)
{
	struct agent *a = arg;
	struct error e;
	json_t *status;

	timer_start(a->loop, &a->report, HEARTBEAT_MS, report, a);
	if (!a->is_up)
		return;
	status = json_pack("{s:I, s:i, s:s, s:o, s:s, s:o}", "synced", (json_int_t)last_contact(a), "pid", getpid(),
			   "version", VERSION, "operator", operator_of(a), "trouble", trouble_of(a),
			   "rejected", objects_rejected(a));
	if (agent_status_set(&a->reader, status, &e))
		log_line("%s", e.text);
	json_decref(status);
}

void report_soon(struct agent *a)
{
	timer_start(a->loop, &a->report, 0, report, a);
}

/* The names that dashboards of Cilium's users have. */
static void write_aliases(struct agent *a, FILE *out)
{
	uint64_t capacity[FAMILIES] = {}, used[FAMILIES] = {};
	struct pool_entry *pools;
	size_t count;

	if (ipam_pools(&a->reader.pins, &pools, &count, NULL))
		return;
	for (size_t i = 0; i < count; i++)
		for (int f = 0; f < FAMILIES; f++) {
			const struct pool_family *pf = &pools[i].pool.family[f];

			capacity[f] += pf->capacity;
			used[f] += pf->in_use + pf->draining;
		}
	free(pools);
	metric_family(out, "cilium_ipam_capacity", "gauge", "Addresses of this node's blocks.");
	for (int f = 0; f < FAMILIES; f++)
		fprintf(out, "cilium_ipam_capacity{family=\"%s\"} %llu\n", family_name(f), (unsigned long long)capacity[f]);
	metric_family(out, "cilium_ip_addresses", "gauge", "Addresses that pods have.");
	for (int f = 0; f < FAMILIES; f++)
		fprintf(out, "cilium_ip_addresses{family=\"%s\"} %llu\n", family_name(f), (unsigned long long)used[f]);
}

static void write_metrics(void *arg, FILE *out)
{
	struct agent *a = arg;
	struct error e;

	if (a->is_up && metrics_write(&a->reader, out, &e))
		log_line("%s", e.text);
	metric(out, "pinpool_agent_up", "gauge", "1 where the node's programs and maps are up.", a->is_up);
	metric(out, "pinpool_agent_waiting", "gauge", "Objects that are not applied yet.",
	       a->objects.waiting);
	metric(out, "pinpool_agent_applied", "counter", "Objects applied.", a->objects.applied);
	metric(out, "pinpool_agent_failures", "counter", "Objects that could not be applied, each attempt.",
	       a->objects.failed);
	if (a->is_up)
		write_aliases(a, out);
}

static bool is_ready(void *arg, FILE *out)
{
	struct agent *a = arg;

	if (!a->is_up)
		fprintf(out, "node not up: %s\n", a->up_error[0] ? a->up_error : trouble_of(a));
	else if (!a->is_synced)
		fprintf(out, "not synced: %s\n", trouble_of(a));
	return a->is_up && a->is_synced;
}

int report_start(struct agent *a, struct error *e)
{
	const struct web_pages pages = { write_metrics, is_ready, a };

	timer_start(a->loop, &a->report, HEARTBEAT_MS, report, a);
	if (!*a->listen)
		return 0;
	a->web = web_start(a->loop, a->listen, &pages, e);
	return a->web ? 0 : -1;
}

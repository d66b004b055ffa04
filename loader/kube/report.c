// SPDX-License-Identifier: GPL-2.0-only
/* What the agent knows of itself: for pinpool status, for kubectl describe, for Prometheus and for probes. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/check/metrics.h"
#include "loader/ipam/managed.h"
#include "loader/ipam/state.h"
#include "loader/kube/agent.h"
#include "loader/manifest/manifest.h"
#include "loader/text/text.h"

#define HEARTBEAT_MS 20000 /* pinpool status complains after a minute */
#define EVENT_MS 10000
#define WAITING_MS 15000   /* an operator answers within milliseconds */

static bool is_connected(const struct agent *a)
{
	for (int i = 0; i < AGENT_WATCHES; i++)
		if (a->watches[i] && watch_trouble(a->watches[i])[0])
			return false;
	return true;
}

static const char *trouble_of(const struct agent *a)
{
	for (int i = 0; i < AGENT_WATCHES; i++)
		if (a->watches[i] && watch_trouble(a->watches[i])[0])
			return watch_trouble(a->watches[i]);
	return a->own.trouble[0] ? a->own.trouble : a->trouble;
}

/* Seconds since the epoch of the last full contact with the API server; 0: never. */
static long long last_contact(const struct agent *a)
{
	uint64_t heard = watches_heard(a);

	if (!a->is_synced || !heard)
		return 0;
	return time(NULL) - (is_connected(a) ? 0 : (long long)(loop_now() - heard) / 1000);
}

/* The operator as this node sees it: its last word, or that it does not answer. */
static json_t *operator_of(const struct agent *a)
{
	const char *error = json_string_value(json_get_path(a->own.server, "status.ipam.operator-status.error"));
	json_t *operator = json_object();

	if (error && *error)
		json_object_set_new(operator, "error", json_string(error));
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
			   "version", VERSION, "operator", operator_of(a), "trouble", trouble_of(a), "rejected",
			   objects_rejected(a));
	if (agent_status_set(&a->reader, status, &e))
		agent_log("%s", e.text);
	json_decref(status);
}

void report_soon(struct agent *a)
{
	timer_start(a->loop, &a->report, 0, report, a);
}

static void event_sent(void *arg, const struct answer *answer)
{
	(void)arg;
	(void)answer; /* the same Event by another node's agent, or none: the log and the status have it */
}

/* FNV-1a: the same news of many nodes are one Event. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (h = h ? h : 0xcbf29ce484222325; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

void report_event(struct agent *a, enum object_kind kind, const char *name, const char *uid, const char *reason)
{
	static const struct { const char *kind, *version; bool namespaced; } kinds[OBJECT_KINDS] = {
		[OBJECT_POOL] = { "CiliumPodIPPool", "cilium.io/v2alpha1", false },
		[OBJECT_CILIUMNODE] = { "CiliumNode", "cilium.io/v2", false },
		[OBJECT_NODECONFIG] = { "CiliumNodeConfig", "cilium.io/v2", true },
		[OBJECT_CONFIGMAP] = { "ConfigMap", "v1", true },
	};
	const char *namespace = kinds[kind].namespaced ? a->namespace : "default";
	char now[32], event[PP_NAME + 24], path[512];
	time_t seconds = time(NULL);
	json_t *object, *body;
	struct tm tm;

	if (!kinds[kind].kind)
		return;
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	snprintf(event, sizeof(event), "%.200s.%016llx", name, (unsigned long long)hash(hash(0, uid), reason));
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/events", namespace);
	object = json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", kinds[kind].version, "kind", kinds[kind].kind, "name", name,
			   "uid", uid);
	if (kinds[kind].namespaced)
		json_object_set_new(object, "namespace", json_string(namespace));
	body = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:i, s:s, s:s}",
			 "apiVersion", "v1", "kind", "Event", "metadata", "name", event, "namespace", namespace,
			 "involvedObject", object, "type", "Warning", "reason", "NotAccepted", "message", reason,
			 "source", "component", "pinpool-agent", "host", a->node, "firstTimestamp", now, "lastTimestamp",
			 now, "count", 1, "reportingComponent", "pinpool-agent", "reportingInstance", a->node);
	if (body)
		api_send(a->api, "POST", path, NULL, body, EVENT_MS, event_sent, NULL);
	json_decref(body);
}

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
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
	family(out, "cilium_ipam_capacity", "gauge", "Addresses of this node's blocks.");
	for (int f = 0; f < FAMILIES; f++)
		fprintf(out, "cilium_ipam_capacity{family=\"%s\"} %llu\n", family_name(f), (unsigned long long)capacity[f]);
	family(out, "cilium_ip_addresses", "gauge", "Addresses that pods have.");
	for (int f = 0; f < FAMILIES; f++)
		fprintf(out, "cilium_ip_addresses{family=\"%s\"} %llu\n", family_name(f), (unsigned long long)used[f]);
}

static void write_metrics(void *arg, FILE *out)
{
	struct agent *a = arg;
	struct error e;

	if (a->is_up && metrics_write(&a->reader, out, &e))
		agent_log("%s", e.text);
	family(out, "pinpool_agent_up", "gauge", "1 where the node's programs and maps are up.");
	fprintf(out, "pinpool_agent_up %d\n", a->is_up);
	family(out, "pinpool_agent_waiting", "gauge", "Objects that are not applied yet.");
	fprintf(out, "pinpool_agent_waiting %zu\n", a->objects.waiting);
	family(out, "pinpool_agent_applied", "counter", "Objects applied.");
	fprintf(out, "pinpool_agent_applied_total %llu\n", (unsigned long long)a->objects.applied);
	family(out, "pinpool_agent_failures", "counter", "Objects that could not be applied, each attempt.");
	fprintf(out, "pinpool_agent_failures_total %llu\n", (unsigned long long)a->objects.failed);
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

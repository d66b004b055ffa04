// SPDX-License-Identifier: GPL-2.0-only
/* One Event for the same news about the same object, of however many nodes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/kube/event.h"
#include "loader/text/text.h"
#include "maps/abi.h"

#define EVENT_MS 10000
#define FLYING_MAX 16 /* without an answer: beyond that, the log has to do */

static const struct { const char *kind, *version; bool namespaced; } kinds[] = {
	{ "CiliumPodIPPool", "cilium.io/v2alpha1", false },
	{ "CiliumNode", "cilium.io/v2", false },
	{ "CiliumNodeConfig", "cilium.io/v2", true },
	{ "ConfigMap", "v1", true },
};

static void sent(void *arg, const struct answer *answer)
{
	struct events *events = arg;

	(void)answer; /* the server refuses the same Event a second time */
	events->flying--;
}

/* FNV-1a */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

void event_send(struct events *events, struct api *api, const char *kind, const char *namespace,
		const char *name, const char *uid, const char *reason)
{
	const char *program = program_invocation_short_name;
	char now[32], id[PP_NAME + 24], path[512];
	time_t seconds = time(NULL);
	json_t *object, *body, *message;
	struct tm tm;
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(*kinds) && strcasecmp(kinds[i].kind, kind))
		i++;
	if (i == sizeof(kinds) / sizeof(*kinds) || events->flying >= FLYING_MAX)
		return;
	message = text_json(reason, strlen(reason));
	namespace = kinds[i].namespaced ? namespace : NULL;
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	snprintf(id, sizeof(id), "%.200s.%016llx", name,
		 (unsigned long long)hash(hash(0xcbf29ce484222325, uid), reason));
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/events", namespace ?: "default");
	object = json_pack("{s:s, s:s, s:s*, s:s, s:s}", "apiVersion", kinds[i].version, "kind",
			   kinds[i].kind, "namespace", namespace, "name", name, "uid", uid);
	body = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:s, s:o, s:{s:s, s:s}, s:s, s:s, s:i, s:s, s:s}",
			 "apiVersion", "v1", "kind", "Event", "metadata", "name", id, "namespace",
			 namespace ?: "default", "involvedObject", object, "type", "Warning", "reason",
			 "NotAccepted", "message", message, "source", "component", program, "host",
			 events->instance, "firstTimestamp", now, "lastTimestamp", now, "count", 1,
			 "reportingComponent", program, "reportingInstance", events->instance);
	if (!body)
		return;
	events->flying++;
	api_send(api, "POST", path, NULL, body, EVENT_MS, sent, events);
	json_decref(body);
}

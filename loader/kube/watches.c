// SPDX-License-Identifier: GPL-2.0-only
/* What the agent watches, and where it goes: pinpool-agent(8), RIGHTS, lists the same. */
#include <stdio.h>
#include <string.h>

#include "loader/kube/agent.h"
#include "loader/ipam/managed.h"
#include "loader/text/text.h"

enum watched {
	WATCH_CONFIG, WATCH_MASQ, WATCH_NODECONFIGS, WATCH_NODE, /* the settings */
	WATCH_POOLS, WATCH_CILIUMNODES, WATCH_NAMESPACES, WATCH_PODS,
	WATCH_SERVICES, WATCH_SLICES, /* with kube-proxy-replacement alone */
};
#define WATCH_SETTINGS (WATCH_NODE + 1)

struct source {
	const char *path; /* %s: the agent's namespace */
	const char *selector; /* %s: the node's name */
	bool metadata_only;
	enum object_kind kind;
	const char *api_version, *type; /* what metadata alone does not say */
	struct agent *agent; /* filled in at the start, as the rest */
	enum watched index;
	struct watch_spec spec;
	char path_text[512], selector_text[512];
};

static struct source sources[AGENT_WATCHES] = {
	[WATCH_CONFIG] = { "/api/v1/namespaces/%s/configmaps", "metadata.name=cilium-config", false, OBJECT_CONFIGMAP,
			   "v1", "ConfigMap" },
	[WATCH_MASQ] = { "/api/v1/namespaces/%s/configmaps", "metadata.name=ip-masq-agent", false, OBJECT_CONFIGMAP,
			 "v1", "ConfigMap" },
	[WATCH_NODECONFIGS] = { "/apis/cilium.io/v2/namespaces/%s/ciliumnodeconfigs", NULL, false, OBJECT_NODECONFIG,
				"cilium.io/v2", "CiliumNodeConfig" },
	[WATCH_NODE] = { "/api/v1/nodes", "metadata.name=%s", false, OBJECT_NODE, "v1", "Node" },
	[WATCH_POOLS] = { "/apis/cilium.io/v2alpha1/ciliumpodippools", NULL, false, OBJECT_POOL, "cilium.io/v2alpha1",
			  "CiliumPodIPPool" },
	[WATCH_CILIUMNODES] = { "/apis/cilium.io/v2/ciliumnodes", NULL, false, OBJECT_CILIUMNODE, "cilium.io/v2",
				"CiliumNode" },
	[WATCH_NAMESPACES] = { "/api/v1/namespaces", NULL, true, OBJECT_NAMESPACE, "v1", "Namespace" },
	[WATCH_PODS] = { "/api/v1/pods", "spec.nodeName=%s", true, OBJECT_POD, "v1", "Pod" },
	[WATCH_SERVICES] = { "/api/v1/services", NULL, false, OBJECT_SERVICE, "v1", "Service" },
	[WATCH_SLICES] = { "/apis/discovery.k8s.io/v1/endpointslices", NULL, false, OBJECT_ENDPOINTSLICE,
			   "discovery.k8s.io/v1", "EndpointSlice" },
};

/* Services that others serve, and headless ones, which nobody does (pinpool-services(7)). */
#define SERVED "!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless"

static bool is_of_services(enum watched index)
{
	return index >= WATCH_SERVICES;
}

/* Which version, and how large; nothing that the node could use. */
static void forget_noise(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");

	json_object_del(metadata, "managedFields");
	json_object_del(metadata, "resourceVersion");
	if (!json_get_path(object, "status.loadBalancer"))
		json_object_del(object, "status");
}

/* What a node wants of its pools is the operator's business, and changes often. */
static void forget_demand(json_t *object)
{
	json_object_del(json_get_path(object, "spec.ipam.pools"), "requested");
}

static void set_pod(struct agent *a, const json_t *object, const char *name)
{
	const char *namespace = json_string_value(json_get_path(object, "metadata.namespace"));
	struct error e = {};

	if (namespace && name && pod_object_set(&a->reader, namespace, name, object, &e))
		log_line("%s", e.text);
}

static void set(void *arg, json_t *object)
{
	struct source *s = arg;
	struct agent *a = s->agent;
	const char *name = json_string_value(json_get_path(object, "metadata.name"));

	/* the items of a list, and metadata alone, do not say what they are */
	json_object_set_new(object, "apiVersion", json_string(s->api_version));
	json_object_set_new(object, "kind", json_string(s->type));
	if (s->kind == OBJECT_POD) {
		set_pod(a, object, name);
		return;
	}
	if (s->kind == OBJECT_NODE) {
		json_decref(a->node_object);
		a->node_object = json_deep_copy(object);
		own_look(a);
	}
	if (s->kind == OBJECT_CILIUMNODE && name && !strcmp(name, a->node)) {
		own_set(a, object);
		return;
	}
	if (s->kind == OBJECT_CILIUMNODE)
		forget_demand(object);
	forget_noise(object);
	objects_set(a, object);
}

static void gone(void *arg, const char *namespace, const char *name)
{
	struct source *s = arg;
	struct agent *a = s->agent;
	char full[STORE_NAME];
	struct error e = {};

	if (s->kind == OBJECT_POD) {
		if (pod_object_delete(&a->reader, namespace, name, &e))
			log_line("%s", e.text);
	} else if (s->kind == OBJECT_CILIUMNODE && !strcmp(name, a->node)) {
		own_gone(a);
	} else if (s->kind == OBJECT_CONFIGMAP && !strcmp(name, "cilium-config")) {
		log_line("configmap %s/cilium-config was deleted; its options go on", a->namespace);
	} else {
		snprintf(full, sizeof(full), "%s/%s", namespace, name);
		objects_gone(a, s->kind, is_of_services(s->index) ? full : name);
	}
	if (s->kind == OBJECT_NODE) {
		json_decref(a->node_object);
		a->node_object = NULL;
	}
}

/* What is stored of the kind and not in @namespace ("": cluster-wide) at the server is gone. */
static void prune(struct source *s, const char *namespace)
{
	struct agent *a = s->agent;
	struct stored *list;
	struct error e;
	size_t count;

	if (store_list_texts(&a->reader.pins, s->kind, &list, &count, &e)) {
		log_line("%s", e.text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char *slash = strchr(list[i].name, '/');
		const char *name = slash ? slash + 1 : list[i].name, *own = slash ? list[i].name : namespace;

		if (slash)
			*slash = 0;
		if (!watch_has(a->watches[s->index], own, name))
			gone(s, own, name);
	}
	stored_free(list, count);
}

static void synced(void *arg)
{
	struct source *s = arg;
	struct agent *a = s->agent;

	if (s->index >= WATCH_SETTINGS)
		prune(s, "");
	if (s->kind == OBJECT_CILIUMNODE && !watch_has(a->watches[s->index], "", a->node))
		own_gone(a); /* it need not be stored */
	if (s->index < WATCH_SETTINGS || watches_are_synced(a))
		objects_flush(a);
	if (watches_are_synced(a))
		agent_ready(a);
}

static void start(struct agent *a, enum watched index)
{
	struct source *s = &sources[index];

	s->agent = a;
	s->index = index;
	snprintf(s->path_text, sizeof(s->path_text), s->path, a->namespace);
	if (s->selector)
		snprintf(s->selector_text, sizeof(s->selector_text), s->selector, a->node);
	s->spec = (struct watch_spec){ .path = s->path_text,
				       .field_selector = s->selector ? s->selector_text : NULL,
				       .label_selector = is_of_services(index) ? SERVED : NULL,
				       .metadata_only = s->metadata_only,
				       .set = set, .gone = gone, .synced = synced, .arg = s };
	a->watches[index] = watch_start(a->loop, a->api, &s->spec);
}

void watches_start_settings(struct agent *a)
{
	for (enum watched i = 0; i < WATCH_SETTINGS; i++)
		start(a, i);
}

void watches_start_rest(struct agent *a)
{
	/* what vanished while no agent was here; a Node or cilium-config that is missing takes nothing away */
	prune(&sources[WATCH_NODECONFIGS], a->namespace);
	if (!watch_has(a->watches[WATCH_MASQ], a->namespace, "ip-masq-agent"))
		objects_gone(a, OBJECT_CONFIGMAP, "ip-masq-agent");
	for (enum watched i = WATCH_SETTINGS; i < WATCH_SERVICES; i++)
		start(a, i);
	watches_follow_options(a);
}

void watches_follow_options(struct agent *a)
{
	struct options options;
	bool wanted;

	if (!a->is_up || !a->watches[WATCH_PODS] || context_options(&a->reader, &options, NULL))
		return;
	wanted = options.kube_proxy_replacement;
	options_free(&options);
	for (enum watched i = WATCH_SERVICES; i < AGENT_WATCHES; i++) {
		if (wanted && !a->watches[i])
			start(a, i);
		if (wanted)
			continue;
		watch_stop(a->watches[i]);
		a->watches[i] = NULL;
	}
}

void watches_stop(struct agent *a)
{
	for (enum watched i = 0; i < AGENT_WATCHES; i++)
		watch_stop(a->watches[i]);
}

static bool are_synced(const struct agent *a, enum watched end)
{
	for (enum watched i = 0; i < end; i++)
		if (a->watches[i] ? !watch_is_synced(a->watches[i]) : !is_of_services(i))
			return false;
	return true;
}

bool watches_have_settings(const struct agent *a)
{
	return are_synced(a, WATCH_SETTINGS);
}

bool watches_are_synced(const struct agent *a)
{
	return are_synced(a, AGENT_WATCHES);
}

uint64_t watches_heard(const struct agent *a)
{
	uint64_t oldest = UINT64_MAX;

	for (enum watched i = 0; i < AGENT_WATCHES; i++) {
		uint64_t heard = a->watches[i] ? watch_heard(a->watches[i]) : is_of_services(i) ? UINT64_MAX : 0;

		oldest = heard < oldest ? heard : oldest;
	}
	return oldest;
}

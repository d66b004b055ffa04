// SPDX-License-Identifier: GPL-2.0-only
/* Pods' metadata and the agent's status as objects of the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/managed.h"
#include "loader/ipam/transactions.h"
#include "loader/manifest/manifest.h"

static int pod_key(const char *namespace, const char *name, char key[STORE_NAME], struct error *e)
{
	if (snprintf(key, STORE_NAME, "%s/%s", namespace, name) < STORE_NAME)
		return 0;
	return error_set(e, -ENAMETOOLONG, "pod %.64s/%.64s: its name is too long", namespace, name);
}

/* Annotations may be 256 KiB of other programs' text. */
static bool is_ours(const char *annotation)
{
	static const char *const domains[] = { "ipam.cilium.io/", "pinpool.io/", "kubernetes.io/" };

	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++)
		if (!strncmp(annotation, domains[i], strlen(domains[i])))
			return true;
	return false;
}

static char *pod_text(const json_t *pod)
{
	const json_t *metadata = json_object_get(pod, "metadata");
	json_t *annotations = json_object(), *kept = json_object(), *value;
	const char *key;
	char *text;

	json_object_foreach(json_object_get(metadata, "annotations"), key, value)
		if (is_ours(key))
			json_object_set(annotations, key, value);
	json_object_set(kept, "uid", json_object_get(metadata, "uid"));
	json_object_set(kept, "labels", json_object_get(metadata, "labels"));
	json_object_set_new(kept, "annotations", annotations);
	text = object_text(kept);
	json_decref(kept);
	return text;
}

int pod_object_set(struct context *node, const char *namespace, const char *name, const json_t *pod,
		   struct error *e)
{
	char key[STORE_NAME], *text;
	struct stored s = {};
	int err = pod_key(namespace, name, key, e);

	if (err)
		return err;
	text = pod_text(pod);
	if (!store_read(&node->pins, OBJECT_POD, key, &s) || strcmp(s.text, text))
		err = store_put(&node->pins, OBJECT_POD, key, text, e);
	if (s.json)
		free(s.text);
	json_decref(s.json);
	free(text);
	return err;
}

int pod_object_delete(struct context *node, const char *namespace, const char *name, struct error *e)
{
	char key[STORE_NAME];
	int err = pod_key(namespace, name, key, e);

	if (!err)
		err = store_delete(&node->pins, OBJECT_POD, key, e);
	if (err && err != -ENOENT)
		return err;
	ipam_pending_clear_pod(&node->pins, namespace, name);
	return 0;
}

json_t *pod_object_get(struct context *node, const char *namespace, const char *name)
{
	char key[STORE_NAME];

	return pod_key(namespace, name, key, NULL) ? NULL : store_get(&node->pins, OBJECT_POD, key);
}

int pod_objects_list(struct context *node, struct stored **list, size_t *count, struct error *e)
{
	return store_list(&node->pins, OBJECT_POD, list, count, e);
}

int agent_status_set(struct context *node, const json_t *status, struct error *e)
{
	char *text = object_text(status);
	int err = store_put(&node->pins, OBJECT_AGENT, "agent", text, e);

	free(text);
	return err;
}

json_t *agent_status_get(struct context *node)
{
	return store_get(&node->pins, OBJECT_AGENT, "agent");
}

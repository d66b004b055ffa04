// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a leader installs: the chart's definitions, where they are missing, older, or Cilium's own of the same
 * version, which would not let a pool change; and pools of auto-create-cilium-pod-ip-pools that do not exist.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/backoff.h"
#include "loader/kube/operator.h"
#include "loader/options/table.h"
#include "loader/text/text.h"

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define CILIUM_VERSION "io.cilium.k8s.crd.schema.version"
#define GC_INTERVAL "nodes-gc-interval"
#define GC_DEFAULT "5m"
#define OWN_VERSION "pinpool.io/crd-schema-version"

#define FILE_IN(name, file) \
	__asm__(".pushsection .rodata\n" #name ": .incbin \"scripts/chart/crds/" file "\"\n" \
		".byte 0\n.popsection"); \
	extern const char name[]

FILE_IN(crd_ciliumnodes, "ciliumnodes.yaml");
FILE_IN(crd_ciliumnodeconfigs, "ciliumnodeconfigs.yaml");
FILE_IN(crd_ciliumpodippools, "ciliumpodippools.yaml");

static const char *const crds[] = { crd_ciliumnodes, crd_ciliumpodippools, crd_ciliumnodeconfigs };

enum outcome { DONE, AGAIN, NEXT }; /* AGAIN: after a delay; NEXT: with another method, at once */

/* Requests that are repeated until they have succeeded. */
struct task {
	struct operator *o;
	const char *name;   /* of what is installed; in @object, or constant */
	json_t *object;     /* owned; may be NULL */
	const char *method;
	char path[192];
	enum outcome (*step)(struct task *task, const struct answer *answer);
	unsigned int failures;
	struct timer retry;
};

static void send(void *arg);

static void answered(void *arg, const struct answer *answer)
{
	struct task *task = arg;
	enum outcome outcome = task->step(task, answer);

	if (outcome == NEXT)
		return send(task);
	if (outcome == AGAIN) {
		/* a definition that was just installed is served a moment later */
		if (!task->failures++ && answer->status != 404)
			log_line("%s: trying again: %s", task->name, answer->message);
		timer_start(task->o->loop, &task->retry,
			    answer->retry_after * 1000 + backoff_ms(task->failures), send, task);
		return;
	}
	json_decref(task->object);
	free(task);
}

static void send(void *arg)
{
	struct task *task = arg;
	const json_t *body = strcmp(task->method, "GET") ? task->object : NULL;

	api_send(task->o->api, task->method, task->path, NULL, body, REQUEST_MS, answered, task);
}

static void task_start(struct operator *o, const char *method, const char *path, json_t *object,
		       enum outcome (*step)(struct task *task, const struct answer *answer))
{
	struct task *task = xcalloc(1, sizeof(*task));

	*task = (struct task){ .o = o, .object = object, .method = method, .step = step };
	task->name = json_string_value(json_get_path(object, "metadata.name")) ?: "configmap/cilium-config";
	snprintf(task->path, sizeof(task->path), "%s", path);
	send(task);
}

static int compare_label(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_get(json_get_path(a, "metadata.labels"), key));
	const char *y = json_string_value(json_get(json_get_path(b, "metadata.labels"), key));

	return strverscmp(x ? x : "0", y ? y : "0");
}

/* Whether the server's definition stays: a newer one of Cilium's, or this or a newer one of pinpool's. */
static bool is_current(const json_t *theirs, const json_t *ours)
{
	int cilium = compare_label(theirs, ours, CILIUM_VERSION);

	return cilium > 0 || (!cilium && compare_label(theirs, ours, OWN_VERSION) >= 0);
}

static enum outcome crd_step(struct task *task, const struct answer *answer)
{
	json_t *version = json_get_path(answer->body, "metadata.resourceVersion");
	bool exists = answer->status == 200, was_read = !strcmp(task->method, "GET");

	snprintf(task->path, sizeof(task->path), CRDS "/%s", task->name);
	task->method = "GET";
	if (!was_read && answer->status / 100 == 2) {
		log_line("%s installed", task->name);
		return DONE;
	}
	if (!was_read || (!exists && answer->status != 404))
		return AGAIN;
	if (exists && is_current(answer->body, task->object))
		return DONE;
	task->method = exists ? "PUT" : "POST";
	if (exists)
		json_object_set(json_get(task->object, "metadata"), "resourceVersion", version);
	else
		snprintf(task->path, sizeof(task->path), CRDS);
	return NEXT;
}

static enum outcome pool_step(struct task *task, const struct answer *answer)
{
	if (answer->status / 100 == 2)
		log_line("ciliumpodippool/%s created", task->name);
	return answer->status / 100 == 2 || answer->status == 409 ? DONE : AGAIN;
}

static void create_pools(struct operator *o, const char *value)
{
	struct options options = {};
	struct error e;
	json_t *pool;
	size_t i;

	if (value_auto_create(option_find(AUTO_CREATE), value, &options, &e))
		log_line("%s; those before it are created", e.text);
	json_array_foreach(options.auto_create, i, pool)
		task_start(o, "POST", CILIUMPODIPPOOLS, json_incref(pool), pool_step);
	json_decref(options.auto_create);
}

static enum outcome config_step(struct task *task, const struct answer *answer)
{
	struct operator *o = task->o;
	const json_t *data = json_get(answer->body, "data");
	const char *pools = o->auto_create ?: json_string_value(json_get(data, AUTO_CREATE));
	const char *interval = o->gc_interval ?: json_string_value(json_get(data, GC_INTERVAL));

	if (answer->status != 200 && answer->status != 404)
		return AGAIN;
	if (pools)
		create_pools(o, pools);
	if (gc_start(o, interval ?: GC_DEFAULT))
		log_line(GC_INTERVAL ": invalid duration \"%s\"; nothing is collected, use 5m", interval);
	return DONE;
}

void operator_install(struct operator *o)
{
	char path[192];

	for (size_t i = 0; i < sizeof(crds) / sizeof(*crds); i++) {
		struct documents d = {};
		unsigned int line;
		struct error e;

		if (documents_parse(crds[i], strlen(crds[i]), &d, &line, &e) || d.count != 1)
			abort(); /* a file of this build */
		snprintf(path, sizeof(path), CRDS "/%s",
			 json_string_value(json_get_path(d.list->root, "metadata.name")));
		task_start(o, "GET", path, json_incref(d.list->root), crd_step);
		documents_free(&d);
	}
	snprintf(path, sizeof(path), "/api/v1/namespaces/%.63s/configmaps/cilium-config", o->namespace);
	task_start(o, "GET", path, NULL, config_step);
}

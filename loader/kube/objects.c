// SPDX-License-Identifier: GPL-2.0-only
/* Objects on their way from the API server into the node: one bad object does not stop the others. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kernel/store.h"
#include "loader/kube/items.h"
#include "loader/node/node.h"
#include "loader/text/text.h"

#define BATCH 2048      /* objects of one plan: what memory it takes */
#define TRIM_MS 1000    /* after the last of many plans, what they took is given back */
#define FLUSH_MS 5      /* objects that come together are applied together; */
#define FIRST_MS 500    /* at the start all come */
#define RETRY_SECONDS 1 /* for rejected ones, doubled up to RETRY_MAX */
#define RETRY_MAX 60

struct batch {
	bool settings;
	struct item **items;
	size_t count;
	struct agent *agent;
	struct netlink *nl;
};

/* Whether the node has exactly this object. */
static bool is_stored(struct agent *a, enum object_kind kind, const char *name, const char *text)
{
	struct stored s;
	bool same;

	if (!a->is_up || !store_read(&a->reader.pins, kind, name, &s))
		return false;
	same = !strcmp(s.text, text);
	json_decref(s.json);
	free(s.text);
	return same;
}

static void flush(void *arg)
{
	objects_flush(arg);
}

/* The node is another command's for the moment. */
static void later(struct agent *a, const struct error *e)
{
	log_line("%s", e->text);
	a->objects.is_held_up = true;
	timer_start(a->loop, &a->objects.flush, RETRY_SECONDS * 1000, flush, a);
}

static void schedule(struct agent *a)
{
	if (a->objects.waiting >= BATCH && a->is_up)
		objects_flush(a);
	else if (!a->objects.flush.at)
		timer_start(a->loop, &a->objects.flush, a->is_synced ? FLUSH_MS : FIRST_MS, flush, a);
}

/* Of an object that cannot be read at all, the name and the kind are the server's. */
static void reject_unread(struct agent *a, json_t *object, const struct error *e)
{
	const char *name = json_text(object, "metadata.name"), *uid = json_text(object, "metadata.uid");

	for (int k = OBJECT_NONE + 1; k < OBJECT_KINDS; k++)
		if (!strcasecmp(object_kind_name(k), json_text(object, "kind"))) {
			struct item *item = item_wait(a, k, name, uid, NULL);

			item->is_gone = false;
			item_reject(a, item, e->text);
		}
}

void objects_set(struct agent *a, json_t *object)
{
	struct manifest m = {};
	struct error e;
	struct item *old;
	char *text;

	if (manifest_take("API server", object, &m, &e)) {
		reject_unread(a, object, &e);
		return;
	}
	for (size_t i = 0; i < m.count; i++) {
		struct object *o = &m.objects[i];

		if (!o->kind)
			continue;
		text = object_text(o->json);
		old = item_find(&a->objects, o->kind, o->name);
		if (!is_stored(a, o->kind, o->name, text)) {
			item_wait(a, o->kind, o->name, json_text(object, "metadata.uid"), text);
			continue;
		}
		free(text);
		if (old)
			item_done(&a->objects, old);
	}
	for (size_t i = 0; i < m.warning_count; i++)
		log_line("%s", m.warnings[i]);
	manifest_free(&m);
	schedule(a);
}

void objects_gone(struct agent *a, enum object_kind kind, const char *name)
{
	item_wait(a, kind, name, "", NULL);
	schedule(a);
}

/* The same warning comes with each plan, as long as its reason lasts. */
static void log_warnings(struct agent *a, const struct apply *plan)
{
	struct objects *o = &a->objects;

	for (size_t i = 0; i < plan->warning_count; i++) {
		if (strncmp(plan->warnings[i], o->last_warning, sizeof(o->last_warning) - 1))
			log_line("%s", plan->warnings[i]);
		snprintf(o->last_warning, sizeof(o->last_warning), "%s", plan->warnings[i]);
	}
}

/* A plan of the items: 0 where it was carried out, even if something that follows from it failed. */
static int run_plan(struct agent *a, struct context *node, struct netlink *nl, const struct manifest *m,
		    const struct apply_delete *remove, struct error *e)
{
	struct apply plan;
	int err = apply_plan(node, m, NULL, remove, 0, &plan, e);

	if (err)
		return err;
	err = node_apply(node, nl, &plan, e);
	if (err < 0 && plan.is_committed) {
		log_line("%s", e->text);
		snprintf(a->trouble, sizeof(a->trouble), "%s", e->text);
		err = 0;
	}
	log_warnings(a, &plan);
	apply_free(&plan);
	return err < 0 ? err : 0;
}

static int run_up(struct agent *a, const struct manifest *m, struct error *e)
{
	/* the cluster's options alone hold: those of an earlier up --set are forgotten */
	struct up up = { .root = a->root, .name = a->node, .state_file = a->state_file, .manifest = *m,
			 .settings = json_object(), .managed = true };
	int err = node_up(&up, e);

	log_warnings(a, &up.plan);
	if (up.is_up)
		err = 0;
	json_decref(up.settings);
	up_free(&up);
	if (err)
		return err;
	if (a->is_up)
		context_close(&a->reader);
	err = context_open(&a->reader, a->root, ROOT_UNLOCKED, e);
	a->is_up = !err;
	return err;
}

/* The items' objects; false if one of them cannot be read back, which needs damage to memory. */
static bool to_manifest(const struct batch *b, struct manifest *m)
{
	struct error e;
	bool all = true;

	for (size_t i = 0; i < b->count; i++) {
		json_t *json = json_loads(b->items[i]->text, 0, NULL);

		all &= !manifest_take("API server", json, m, &e);
		json_decref(json);
	}
	return all;
}

/* Positive: not now, another command has the node's lock. */
static int change(struct batch *b, const struct manifest *m, const struct apply_delete *remove, struct error *e)
{
	struct context node;
	int err = context_open(&node, b->agent->root, ROOT_EXCLUSIVE, e);

	if (err)
		return 1;
	err = run_plan(b->agent, &node, b->nl, m, remove, e);
	context_close(&node);
	return err;
}

static int try_batch(struct batch *b, struct error *e)
{
	struct manifest m = {};
	int err = -EBUSY;

	if (!to_manifest(b, &m))
		err = error_set(e, -EINVAL, "the object cannot be read back; report this");
	else if (b->agent->is_up)
		err = change(b, &m, NULL, e);
	/* options that only loading the programs can change */
	if (err == -EBUSY && b->settings)
		return run_up(b->agent, &m, e);
	manifest_free(&m);
	return err;
}

/* What this node needs does not depend on other nodes, namespaces or services. */
static void accept_batch(const struct batch *b)
{
	struct agent *a = b->agent;
	bool matters = b->settings;

	for (size_t i = 0; i < b->count; i++) {
		const struct item *item = b->items[i];

		matters |= item->kind == OBJECT_POOL || !strcmp(item->name, a->node);
		item_done(&a->objects, b->items[i]);
	}
	a->objects.applied += b->count;
	if (b->settings)
		watches_follow_options(a);
	if (matters)
		own_look(a);
}

/* All together, or halves of them, down to those that are bad. */
static void apply_batch(struct batch *b)
{
	struct batch first = *b, second = *b;
	struct agent *a = b->agent;
	struct error e;
	int err = try_batch(b, &e);

	if (!err) {
		accept_batch(b);
	} else if (err > 0) {
		later(a, &e);
	} else if (b->count <= 1) {
		a->objects.failed++;
		item_reject(a, b->items[0], e.text);
		if (!a->is_up)
			snprintf(a->up_error, sizeof(a->up_error), "%s", e.text);
	} else {
		first.count = b->count / 2;
		second.items += first.count;
		second.count -= first.count;
		apply_batch(&first);
		/* not up: cilium-config, which is the first, is bad, and the node must not come up without it */
		if (a->is_up)
			apply_batch(&second);
	}
}

static void remove_item(struct batch *b, struct item *item)
{
	const struct apply_delete remove = { item->kind, item->name };
	const struct manifest none = {};
	struct agent *a = b->agent;
	struct error e;
	int err = change(b, &none, &remove, &e);

	if (err > 0)
		later(a, &e);
	else if (err && err != -ENOENT)
		item_reject(a, item, e.text);
	else
		accept_batch(&(struct batch){ .agent = a, .items = &item, .count = 1, .settings = b->settings });
}

static void retry(void *arg);

static void retry_later(struct agent *a, bool progress)
{
	struct objects *o = &a->objects;

	if (!o->rejected) {
		timer_stop(a->loop, &o->retry);
		o->retry_seconds = 0;
		return;
	}
	if (progress || !o->retry_seconds)
		o->retry_seconds = RETRY_SECONDS;
	else if (o->retry_seconds < RETRY_MAX)
		o->retry_seconds *= 2;
	timer_start(a->loop, &o->retry, o->retry_seconds * 1000, retry, a);
}

/* The options are first (items.c); not up, nothing else may come without them. */
static bool may_apply(const struct batch *b, enum item_part part)
{
	return b->agent->is_up || (part == ITEMS_SETTINGS && b->items[0]->kind == OBJECT_CONFIGMAP &&
				   !strcmp(b->items[0]->name, "cilium-config"));
}

/* One part of what waits, or of what was rejected; false: there is none, or it must wait. */
static bool run_part(struct batch *b, enum item_part part, bool rejected)
{
	struct objects *o = &b->agent->objects;

	b->settings = part == ITEMS_SETTINGS;
	b->count = items_collect(o, part, rejected, b->items, BATCH);
	if (!b->count || o->is_held_up || !may_apply(b, part))
		return false;
	if (part != ITEMS_GONE)
		apply_batch(b);
	for (size_t i = 0; part == ITEMS_GONE && i < b->count && !o->is_held_up; i++)
		remove_item(b, b->items[i]);
	return !rejected;
}

/* What was deleted makes room, and options come before what they are about. */
static void run_parts(struct agent *a, bool rejected)
{
	struct batch b = { .agent = a };
	bool was_up = a->is_up;
	struct error e;

	a->objects.is_held_up = false;
	if (netlink_open(&b.nl, -1, &e)) {
		later(a, &e);
		return;
	}
	b.items = xcalloc(BATCH, sizeof(*b.items));
	for (enum item_part part = ITEMS_GONE; part <= ITEMS_OTHERS; part++)
		while (run_part(&b, part, rejected))
			;
	netlink_close(b.nl);
	free(b.items);
	if (a->is_up && !was_up)
		agent_up(a);
}

static void retry(void *arg)
{
	struct agent *a = arg;
	size_t before = a->objects.rejected;

	run_parts(a, true);
	retry_later(a, a->objects.rejected < before);
	if (a->objects.rejected != before)
		own_look(a);
}

/* Without cilium-config, a node must not come up: its options are not known. */
static bool is_configured(struct agent *a)
{
	if (!watches_have_settings(a))
		return false;
	if (item_find(&a->objects, OBJECT_CONFIGMAP, "cilium-config"))
		return true;
	snprintf(a->up_error, sizeof(a->up_error),
		 "configmap %s/cilium-config does not exist; install the chart, or create it", a->namespace);
	return false;
}

static void trim(void *arg)
{
	(void)arg;
	malloc_trim(0);
}

bool objects_flush(struct agent *a)
{
	timer_stop(a->loop, &a->objects.flush);
	if (!a->is_up && !is_configured(a))
		return false;
	run_parts(a, false);
	retry_later(a, true);
	timer_start(a->loop, &a->objects.trim, TRIM_MS, trim, a);
	return a->is_up;
}

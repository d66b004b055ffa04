// SPDX-License-Identifier: GPL-2.0-only
/* The plan of an apply: input merged with what is there, options worked out, the whole checked. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/apply/apply.h"
#include "loader/apply/check.h"
#include "loader/ipam/transactions.h"
#include "loader/kernel/map.h"
#include "loader/kernel/store.h"
#include "loader/base/trace.h"

static struct apply_object *find(struct apply *plan, enum object_kind kind, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->objects[i].kind == kind && !strcmp(plan->objects[i].name, name))
			return &plan->objects[i];
	return NULL;
}

static struct apply_object *add(struct apply *plan, enum object_kind kind, const char *name,
				json_t *json)
{
	struct apply_object *o;

	plan->objects = xgrow(plan->objects, plan->count, sizeof(*plan->objects));
	o = &plan->objects[plan->count++];
	memset(o, 0, sizeof(*o));
	o->kind = kind;
	o->kind_name = object_kind_name(kind);
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->json = json_incref(json);
	o->text = json ? object_text(json) : NULL;
	return o;
}

void apply_warn(struct apply *plan, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	plan->warnings = xrealloc(plan->warnings, (plan->warning_count + 1) * sizeof(char *));
	plan->warnings[plan->warning_count++] = text;
}

/* An index of what is stored would be faster for thousands: both lists are sorted instead. */
static int by_kind_and_name(const void *a, const void *b)
{
	const struct apply_object *const *x = a, *const *y = b;

	return (*x)->kind != (*y)->kind ? (int)(*x)->kind - (int)(*y)->kind
					: strcmp((*x)->name, (*y)->name);
}

static int take_input(const struct manifest *manifest, struct apply *plan, struct error *e)
{
	struct apply_object **sorted;
	int err = 0;

	for (size_t i = 0; i < manifest->count; i++) {
		const struct object *in = &manifest->objects[i];
		struct apply_object *o = add(plan, in->kind, in->name, in->json);

		o->where = in->where;
		o->result = in->kind ? APPLY_CREATED : APPLY_IGNORED;
		if (!in->kind)
			o->kind_name = in->kind_name;
	}
	sorted = xcalloc(plan->count, sizeof(*sorted));
	for (size_t i = 0; i < plan->count; i++)
		sorted[i] = &plan->objects[i];
	if (plan->count)
		qsort(sorted, plan->count, sizeof(*sorted), by_kind_and_name);
	for (size_t i = 1; !err && i < plan->count; i++)
		if (sorted[i]->kind && !by_kind_and_name(&sorted[i - 1], &sorted[i]))
			err = error_set(e, -EEXIST, "%s: %s/%s is defined a second time, first at %s; remove one",
					sorted[i]->where, sorted[i]->kind_name, sorted[i]->name,
					sorted[i - 1]->where);
	free(sorted);
	return err;
}

static int by_pool_name(const void *key, const void *member)
{
	return strcmp(((const struct stored *)key)->name, ((const struct pool_entry *)member)->pool.name);
}

/* A pool being terminated is deleted already, though its object is still there. */
static bool is_terminating(const struct pool_entry *pools, size_t count, const struct stored *s)
{
	const struct pool_entry *p = NULL;

	if (s->kind == OBJECT_POOL && count)
		p = bsearch(s, pools, count, sizeof(*pools), by_pool_name);
	return p && p->pool.state == POOL_TERMINATING;
}

static int by_name(const void *key, const void *member)
{
	const struct apply_object *const *m = member;
	const struct stored *s = key;

	return s->kind != (*m)->kind ? (int)s->kind - (int)(*m)->kind : strcmp(s->name, (*m)->name);
}

static void take_stored(struct context *node, const struct stored *list, size_t count,
			unsigned int flags, struct apply *plan)
{
	size_t input = plan->count, pool_count;
	struct apply_object **sorted = xcalloc(input, sizeof(*sorted)), **hit, *o;
	struct pool_entry *pools;

	/* all the room at once: add() must not move what `sorted` points to */
	plan->objects = xrealloc(plan->objects, (input + count + 1) * 2 * sizeof(*plan->objects));
	for (size_t i = 0; i < input; i++)
		sorted[i] = &plan->objects[i];
	if (input)
		qsort(sorted, input, sizeof(*sorted), by_kind_and_name);
	if (ipam_pools(&node->pins, &pools, &pool_count, NULL))
		pool_count = 0;
	for (size_t i = 0; i < count; i++) {
		bool gone = is_terminating(pools, pool_count, &list[i]);

		hit = input ? bsearch(&list[i], sorted, input, sizeof(*sorted), by_name) : NULL;
		if (hit) {
			(*hit)->result = !gone && !strcmp((*hit)->text, list[i].text) ? APPLY_UNCHANGED
										      : APPLY_CONFIGURED;
			continue;
		}
		if (gone)
			continue;
		o = &plan->objects[plan->count++];
		memset(o, 0, sizeof(*o));
		o->kind = list[i].kind;
		o->kind_name = object_kind_name(o->kind);
		memcpy(o->name, list[i].name, sizeof(o->name));
		o->json = json_incref(list[i].json);
		o->text = xstrdup(list[i].text);
		o->result = flags & APPLY_PRUNE && o->kind != OBJECT_SETTINGS ? APPLY_DELETED : APPLY_KEPT;
	}
	free(pools);
	free(sorted);
}

static bool will_be(const struct apply_object *o)
{
	return o->kind && o->result != APPLY_DELETED && o->result != APPLY_IGNORED;
}

static json_t *labels_of(struct apply *plan, const char *node)
{
	static const enum object_kind kinds[] = { OBJECT_NODE, OBJECT_CILIUMNODE };

	for (unsigned int i = 0; i < 2; i++) {
		struct apply_object *o = find(plan, kinds[i], node);
		json_t *labels = o && will_be(o) ? json_object_get(json_object_get(o->json, "metadata"),
								   "labels") : NULL;

		if (labels)
			return labels;
	}
	return NULL;
}

static json_t *data_of(struct apply *plan, enum object_kind kind, const char *name)
{
	struct apply_object *o = find(plan, kind, name);

	return o && will_be(o) ? (kind == OBJECT_SETTINGS ? o->json : json_object_get(o->json, "data"))
			       : NULL;
}

/* Names and values in what is new, whether they hold on this node or not. */
static int check_options(struct apply *plan, struct error *e)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];
		json_t *map = NULL;
		char *ignored;
		int err;

		if (!apply_is_fresh(o))
			continue;
		if (o->kind == OBJECT_CONFIGMAP && !strcmp(o->name, "cilium-config"))
			map = json_object_get(o->json, "data");
		else if (o->kind == OBJECT_NODECONFIG)
			map = json_object_get(json_object_get(o->json, "spec"), "defaults");
		err = options_check(map, trace_enabled, &ignored, e);
		if (err)
			return error_wrap(e, err, "%s/%s", o->kind_name, o->name);
		if (ignored)
			apply_warn(plan, "%s/%s: %s", o->kind_name, o->name, ignored);
		free(ignored);
	}
	return 0;
}

static int work_out_options(struct context *node, struct apply *plan, json_t **effective,
			    struct error *e)
{
	json_t *nodeconfigs = json_array(), *labels = labels_of(plan, node->config.node);
	json_t *none = json_object();
	int err;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->objects[i].kind == OBJECT_NODECONFIG && will_be(&plan->objects[i]))
			json_array_append(nodeconfigs, plan->objects[i].json);
	*effective = context_merge(node, data_of(plan, OBJECT_CONFIGMAP, "cilium-config"), nodeconfigs,
				   labels ? labels : none, data_of(plan, OBJECT_SETTINGS, "set"));
	json_decref(nodeconfigs);
	json_decref(none);
	err = options_parse(*effective, &plan->options, e);
	return err ? err : check_options(plan, e);
}

/* Options that only loading the programs can change. */
static int refuse_load_time(struct context *node, json_t *effective, struct error *e)
{
	json_t *now = context_effective(node, NULL), *value;
	const char *key, *before;
	int err = 0;

	json_object_foreach(effective, key, value) {
		before = json_string_value(json_object_get(now, key));
		if (!err && option_is_load_time(key) && before && strcmp(before, json_string_value(value)))
			err = error_set(e, -EBUSY,
					"%s: cannot change from %s to %s while running; run pinpool up with the new value",
					key, before, json_string_value(value));
	}
	json_decref(now);
	return err;
}

static void auto_create(struct apply *plan)
{
	json_t *pool;
	size_t i;

	json_array_foreach(plan->options.auto_create, i, pool) {
		const char *name = json_string_value(
			json_object_get(json_object_get(pool, "metadata"), "name"));
		struct apply_object *o = find(plan, OBJECT_POOL, name);

		if (o && will_be(o))
			continue; /* an existing pool is never changed by it (pinpool-ipam(7), POOLS BY CONFIGURATION) */
		if (o) { /* to be deleted: it comes back as the configuration has it */
			json_decref(o->json);
			free(o->text);
			o->json = json_incref(pool);
			o->text = object_text(pool);
			o->result = APPLY_CONFIGURED;
		} else {
			o = add(plan, OBJECT_POOL, name, pool);
			o->result = APPLY_CREATED;
		}
		o->auto_created = true;
		o->where = "cilium-config";
	}
}

static int read_pools(struct apply *plan, struct error *e)
{
	int err = 0;

	for (size_t i = 0; !err && i < plan->count; i++)
		if (plan->objects[i].kind == OBJECT_POOL)
			err = pool_spec_from_json(plan->objects[i].json, &plan->objects[i].pool, e);
	return err;
}

static int take_removal(struct context *node, const struct apply_delete *remove, struct apply *plan, struct error *e)
{
	struct apply_object *o = remove ? find(plan, remove->kind, remove->name) : NULL;
	json_t *json = NULL;

	if (!remove)
		return 0;
	/* deleted before and terminating: deleting it again is no error */
	if (!o && remove->kind == OBJECT_POOL)
		json = store_get(&node->pins, OBJECT_POOL, remove->name);
	if (json) {
		o = add(plan, OBJECT_POOL, remove->name, json);
		json_decref(json);
	}
	if (!o)
		return error_set(e, -ENOENT, "%s/%s: not found", object_kind_name(remove->kind),
				 remove->name);
	o->result = APPLY_DELETED;
	return 0;
}

static void take_settings(const json_t *settings, struct apply *plan)
{
	struct apply_object *o = find(plan, OBJECT_SETTINGS, "set");
	char *text;

	if (!settings)
		return;
	if (!o)
		o = add(plan, OBJECT_SETTINGS, "set", NULL);
	text = object_text(settings);
	o->result = o->text && !strcmp(o->text, text) ? APPLY_KEPT : APPLY_CONFIGURED;
	json_decref(o->json);
	free(o->text);
	o->json = json_deep_copy(settings);
	o->text = text;
}

int apply_plan(struct context *node, const struct manifest *manifest, const json_t *settings,
	       const struct apply_delete *remove, unsigned int flags, struct apply *plan,
	       struct error *e)
{
	json_t *effective = NULL;
	struct stored *list;
	size_t count;
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->is_up = flags & APPLY_LOAD_TIME;
	err = take_input(manifest, plan, e);
	if (!err)
		err = apply_read_stored(node, plan, remove, flags, &list, &count, e);
	if (err)
		goto out;
	take_stored(node, list, count, flags, plan);
	stored_free(list, count);
	for (size_t i = 0; i < manifest->warning_count; i++)
		apply_warn(plan, "%s", manifest->warnings[i]);
	take_settings(settings, plan);
	err = take_removal(node, remove, plan, e);
	if (!err)
		err = work_out_options(node, plan, &effective, e);
	if (!err && !(flags & APPLY_LOAD_TIME))
		err = refuse_load_time(node, effective, e);
	if (!err && !node->config.managed) /* a cluster's operator does that */
		auto_create(plan);
	if (!err)
		err = read_pools(plan, e);
	if (!err)
		err = apply_check(node, plan, e);
out:
	json_decref(effective);
	if (err)
		apply_free(plan);
	return err;
}

void apply_free(struct apply *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		json_decref(plan->objects[i].json);
		free(plan->objects[i].text);
		pool_spec_free(&plan->objects[i].pool);
	}
	for (size_t i = 0; i < plan->warning_count; i++)
		free(plan->warnings[i]);
	free(plan->warnings);
	free(plan->objects);
	options_free(&plan->options);
	node_changes_free(&plan->changes);
	memset(plan, 0, sizeof(*plan));
}

const struct apply_object *apply_pool(const struct apply *plan, const char *name)
{
	const struct apply_object *o = find((struct apply *)plan, OBJECT_POOL, name);

	return o && will_be(o) ? o : NULL;
}

bool apply_covers(const struct apply_object *pool, const struct prefix *prefix)
{
	const struct pool_family_spec *f = &pool->pool.family[prefix_family(prefix)];

	for (size_t i = 0; i < f->cidr_count; i++)
		if (prefix_covers(&f->cidrs[i], prefix))
			return true;
	return false;
}

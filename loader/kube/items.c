// SPDX-License-Identifier: GPL-2.0-only
/* The table of objects that are not in the node yet. */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/items.h"
#include "loader/manifest/manifest.h"

/* cilium-config, which all others may depend on, comes first of the settings. */
static int rank(enum object_kind kind)
{
	return kind == OBJECT_CONFIGMAP ? 0 : (int)kind;
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->kind != y->kind ? rank(x->kind) - rank(y->kind) : strcmp(x->name, y->name);
}

static void item_free(void *p)
{
	struct item *item = p;

	free(item->name);
	free(item->text);
	free(item->reason);
	free(item);
}

void item_done(struct objects *o, struct item *item)
{
	if (item->reason)
		o->rejected--;
	else
		o->waiting--;
	tdelete(item, &o->tree, compare);
	item_free(item);
}

struct item *item_find(struct objects *o, enum object_kind kind, const char *name)
{
	const struct item key = { .kind = kind, .name = (char *)name };
	struct item **found = tfind(&key, &o->tree, compare);

	return found ? *found : NULL;
}

struct item *item_wait(struct agent *a, enum object_kind kind, const char *name, const char *uid, char *text)
{
	struct objects *o = &a->objects;
	struct item *item = item_find(o, kind, name);

	if (!item) {
		item = xcalloc(1, sizeof(*item));
		item->kind = kind;
		item->name = xstrdup(name);
		o->waiting++;
		if (!tsearch(item, &o->tree, compare))
			abort();
	} else if (item->reason) {
		free(item->reason);
		item->reason = NULL;
		o->rejected--;
		o->waiting++;
		report_soon(a);
	}
	free(item->text);
	item->text = text;
	snprintf(item->uid, sizeof(item->uid), "%s", uid);
	item->is_gone = !text;
	return item;
}

void item_reject(struct agent *a, struct item *item, const char *reason)
{
	if (item->reason && !strcmp(item->reason, reason))
		return;
	if (!item->reason) {
		a->objects.waiting--;
		a->objects.rejected++;
	}
	free(item->reason);
	item->reason = xstrdup(reason);
	log_line("%s/%s not accepted: %s", object_kind_name(item->kind), item->name, reason);
	event_send(&a->events, a->api, object_kind_name(item->kind), a->namespace, item->name, item->uid,
		   reason);
	report_soon(a);
}

static bool is_setting(enum object_kind kind)
{
	return kind == OBJECT_CONFIGMAP || kind == OBJECT_NODECONFIG || kind == OBJECT_NODE;
}

struct collect {
	enum item_part part;
	bool rejected;
	struct item **list;
	size_t count, max;
};

static enum item_part part_of(const struct item *item)
{
	return item->is_gone ? ITEMS_GONE : is_setting(item->kind) ? ITEMS_SETTINGS : ITEMS_OTHERS;
}

static void collect(const void *node, VISIT visit, void *arg)
{
	struct item *item = *(struct item *const *)node;
	struct collect *c = arg;

	if ((visit != postorder && visit != leaf) || c->count == c->max || part_of(item) != c->part)
		return;
	if (c->rejected == (item->reason != NULL) && (item->is_gone || item->text))
		c->list[c->count++] = item;
}

size_t items_collect(struct objects *o, enum item_part part, bool rejected, struct item **list, size_t max)
{
	struct collect c = { part, rejected, list, 0, max };

	twalk_r(o->tree, collect, &c);
	return c.count;
}

static void add_rejected(const void *node, VISIT visit, void *list)
{
	const struct item *item = *(struct item *const *)node;

	if ((visit == postorder || visit == leaf) && item->reason)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", object_kind_name(item->kind),
						      "name", item->name, "reason", item->reason));
}

json_t *objects_rejected(const struct agent *a)
{
	json_t *list = json_array();

	twalk_r(a->objects.tree, add_rejected, list);
	return list;
}

void objects_free(struct agent *a)
{
	tdestroy(a->objects.tree, item_free);
	a->objects.tree = NULL;
}

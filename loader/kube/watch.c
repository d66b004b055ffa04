// SPDX-License-Identifier: GPL-2.0-only
/*
 * One collection: synced by a stream of its initial events, or by a list where the server has no such
 * stream, then followed from version to version.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/backoff.h"
#include "loader/kube/lines.h"
#include "loader/kube/names.h"
#include "loader/kube/watch.h"
#include "loader/text/text.h"

#define SETTLED_MS 30000u /* a connection that lasted so long was good: no delay is carried over */
#define SILENCE_MS 180000u /* bookmarks come each minute */
#define LIST_MS 60000u
#define PAGE_MAX 200u /* 4 MiB of JSON values where objects are CiliumNodes */
#define METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct watch {
	struct loop *loop;
	struct api *api;
	struct watch_spec spec;
	struct call *call;
	struct timer timer;
	struct names names;
	char *version;  /* to go on from; NULL: sync first */
	char *more;     /* the list's continue; NULL: its first page */
	bool syncing;   /* the names' sweep has begun */
	bool lists;     /* this server has no streamed lists */
	bool synced;
	bool unreachable; /* the last request had no answer */
	unsigned int page, failures;
	uint64_t accepted, heard;
	char trouble[256];
};

static void connect_now(void *arg);

static void replace(char **text, const char *by)
{
	free(*text);
	*text = by ? xstrdup(by) : NULL;
}

static void drop_version(struct watch *w)
{
	replace(&w->version, NULL);
	replace(&w->more, NULL);
	w->syncing = false;
}

static void retry(struct watch *w, unsigned int after_s, const char *trouble)
{
	uint64_t wait = after_s > BACKOFF_MAX_MS / 1000 ? BACKOFF_MAX_MS : after_s * 1000u;

	if (w->accepted && loop_now() - w->accepted >= SETTLED_MS)
		w->failures = 0;
	api_cancel(w->call);
	w->call = NULL;
	w->accepted = 0;
	snprintf(w->trouble, sizeof(w->trouble), "%s", trouble);
	timer_start(w->loop, &w->timer, wait + backoff_ms(w->failures++), connect_now, w);
}

/* false: the object has no name. */
static bool identify(const json_t *object, const char **namespace, const char **name)
{
	const json_t *metadata = json_get(object, "metadata");

	*namespace = json_text(metadata, "namespace");
	*name = json_text(metadata, "name");
	return **name;
}

static void set(struct watch *w, json_t *object)
{
	const char *namespace, *name;

	if (!identify(object, &namespace, &name))
		return;
	names_put(&w->names, namespace, name);
	if (w->spec.set)
		w->spec.set(w->spec.arg, object);
}

static void gone(void *arg, const char *namespace, const char *name)
{
	struct watch *w = arg;

	if (w->spec.gone)
		w->spec.gone(w->spec.arg, namespace, name);
}

static void begin_sync(struct watch *w)
{
	names_begin(&w->names);
	w->syncing = true;
}

static void end_sync(struct watch *w)
{
	names_sweep(&w->names, gone, w);
	w->syncing = false;
	w->synced = true;
	if (w->spec.synced)
		w->spec.synced(w->spec.arg);
}

static const char *version_of(const json_t *object)
{
	const char *version = json_text(object, "metadata.resourceVersion");

	return *version ? version : NULL;
}

static void on_bookmark(struct watch *w, const json_t *object)
{
	const json_t *annotations = json_get_path(object, "metadata.annotations");
	const char *end = json_string_value(json_get(annotations, "k8s.io/initial-events-end"));

	if (w->syncing && end && !strcmp(end, "true")) {
		replace(&w->version, version_of(object));
		end_sync(w);
	}
}

static void on_error(struct watch *w, const json_t *status)
{
	const char *message = json_string_value(json_get(status, "message"));
	const json_t *after = json_get_path(status, "details.retryAfterSeconds");

	if (json_integer_value(json_get(status, "code")) == 410)
		drop_version(w);
	retry(w, (unsigned int)json_integer_value(after),
	      message ? message : "the server ended the watch with an error");
}

/* false: it is not an event. */
static bool on_event(struct watch *w, const json_t *event)
{
	const char *type = json_string_value(json_get(event, "type")), *namespace, *name;
	json_t *object = json_get(event, "object");

	if (!type || !json_is_object(object))
		return false;
	if (!strcmp(type, "ERROR")) {
		on_error(w, object);
		return true;
	}
	if (!version_of(object))
		return false;
	if (!strcmp(type, "BOOKMARK"))
		on_bookmark(w, object);
	else if (!identify(object, &namespace, &name))
		return false;
	else if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
		set(w, object);
	else if (!strcmp(type, "DELETED") && names_remove(&w->names, namespace, name))
		gone(w, namespace, name);
	if (!w->syncing) { /* else versions come in no order, and the next attempt begins anew */
		replace(&w->version, version_of(object));
		w->failures = 0;
	}
	return true;
}

static void on_line(void *arg, const char *line, size_t length)
{
	struct watch *w = arg;
	json_t *event;

	w->heard = loop_now();
	if (!line) {
		w->accepted = w->heard;
		*w->trouble = 0;
		return;
	}
	event = line_json(line, length);
	if (!on_event(w, event))
		retry(w, 0, "invalid event from the server");
	json_decref(event);
}

/* Common to both requests: what is not 200. */
static void on_failure(struct watch *w, const struct answer *a)
{
	if (a->status == 410)
		drop_version(w);
	if (a->status && w->unreachable)
		w->failures = 0; /* the server is back, if not yet with all that it serves */
	w->unreachable = !a->status;
	retry(w, a->retry_after, a->message);
}

static void on_end(void *arg, const struct answer *a)
{
	struct watch *w = arg;

	w->call = NULL;
	if (!w->version && (a->status == 400 || a->status == 422)) {
		w->lists = true;
		connect_now(w);
	} else if (a->status == 200) {
		retry(w, 0, "");
	} else {
		on_failure(w, a);
	}
}

/* Items of a list may lack what the list says for all. */
static void add_type(json_t *item, const json_t *list)
{
	const char *kind = json_string_value(json_get(list, "kind"));
	size_t length = kind ? strlen(kind) : 0;

	if (length > 4 && !json_get(item, "kind")) {
		json_object_set_new(item, "kind", json_stringn(kind, length - 4));
		json_object_set(item, "apiVersion", json_get(list, "apiVersion"));
	}
}

static void take_page(struct watch *w, const json_t *list, const json_t *items)
{
	const char *more = json_text(list, "metadata.continue");
	json_t *item;
	size_t i;

	if (!w->more)
		begin_sync(w);
	json_array_foreach(items, i, item) {
		add_type(item, list);
		set(w, item);
	}
	replace(&w->more, *more ? more : NULL);
	if (!w->more) {
		replace(&w->version, version_of(list));
		end_sync(w);
	}
	connect_now(w);
}

static void on_page(void *arg, const struct answer *a)
{
	const json_t *items = json_get(a->body, "items");
	struct watch *w = arg;

	w->call = NULL;
	if (a->too_large && w->page > 1) {
		w->page = w->page / 4 + 1;
		connect_now(w);
	} else if (a->status != 200) {
		on_failure(w, a);
	} else if (!json_is_array(items) || !version_of(a->body)) {
		retry(w, 0, "invalid list from the server");
	} else {
		w->heard = loop_now();
		take_page(w, a->body, items);
	}
}

/* Appends "&key=value" with what has a meaning in a URL escaped. */
static void add_query(FILE *url, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(url, "&%s=", key);
	for (; *value; value++)
		fprintf(url, strchr("-._~=,/", *value) || isalnum((unsigned char)*value) ? "%c" : "%%%02X",
			(unsigned char)*value);
}

static char *url_of(const struct watch *w, bool list)
{
	char *text;
	size_t length;
	FILE *url = open_memstream(&text, &length);

	if (!url)
		abort();
	if (list)
		fprintf(url, "%s?limit=%u", w->spec.path, w->page);
	else
		fprintf(url, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%u", w->spec.path,
			300 + random_below(301));
	if (!list && !w->version)
		fputs("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", url);
	add_query(url, list ? "continue" : "resourceVersion", list ? w->more : w->version);
	add_query(url, "fieldSelector", w->spec.field_selector);
	add_query(url, "labelSelector", w->spec.label_selector);
	if (fclose(url))
		abort();
	return text;
}

static void connect_now(void *arg)
{
	struct watch *w = arg;
	bool list = !w->version && w->lists;
	const char *accept = !w->spec.metadata_only ? NULL : list ? METADATA_LIST : METADATA;
	char *url = url_of(w, list);

	if (list) {
		w->call = api_get(w->api, url, accept, LIST_MS, on_page, w);
	} else {
		if (!w->version)
			begin_sync(w);
		w->call = api_stream(w->api, url, accept, SILENCE_MS, on_line, on_end, w);
	}
	free(url);
}

struct watch *watch_start(struct loop *loop, struct api *api, const struct watch_spec *spec)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	*w = (struct watch){ .loop = loop, .api = api, .spec = *spec, .page = PAGE_MAX,
			     .trouble = "not connected yet" };
	connect_now(w);
	return w;
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	api_cancel(w->call);
	timer_stop(w->loop, &w->timer);
	json_decref(w->names.rounds);
	drop_version(w);
	free(w);
}

bool watch_is_synced(const struct watch *w)
{
	return w->synced;
}

uint64_t watch_heard(const struct watch *w)
{
	return w->heard;
}

const char *watch_trouble(const struct watch *w)
{
	return w->trouble;
}

size_t watch_count(const struct watch *w)
{
	return json_object_size(w->names.rounds);
}

bool watch_has(const struct watch *w, const char *namespace, const char *name)
{
	return names_have(&w->names, namespace, name);
}

// SPDX-License-Identifier: GPL-2.0-only
/* One object of a manifest: its metadata, its spec or data by its kind, and the rules across fields. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/kinds.h"
#include "loader/manifest/pool_spec.h"
#include "loader/manifest/selector.h"

#define IPAM_DOMAIN "ipam.cilium.io/"

/* Calls schema_read() for @parent's field @key, which may be missing (*json is NULL then). */
static int read_part(struct reader *r, const struct schema *schema, const json_t *parent,
		     const char *key, json_t **json)
{
	const json_t *in = json_get(parent, key);
	size_t length = reader_enter(r, ".%s", key);
	int err = 0;

	*json = NULL;
	if (in)
		err = schema_read(r, schema, in, field_place(r, parent, key), json);
	if (!err)
		reader_leave(r, length);
	return err;
}

/* Stores a map of strings in @object unless it is empty. */
static void put_strings(json_t *object, const char *key, json_t *strings)
{
	if (json_object_size(strings))
		json_put(object, key, strings);
	else
		json_decref(strings);
}

/* Warns about an annotation that resembles one of Cilium's pool annotations; keeps only Cilium's. */
static json_t *filter_annotations(struct reader *r, const json_t *in, const json_t *all)
{
	json_t *kept = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)in, key, value) {
		const char *hint = annotation_hint(key);
		size_t length;

		if (!hint)
			continue;
		length = reader_enter(r, "metadata.annotations[%.100s]", key);
		reader_warn(r, field_place(r, in, key)->key_line, "has no effect; %s", hint);
		reader_leave(r, length);
	}
	json_object_foreach((json_t *)all, key, value)
		if (!strncmp(key, IPAM_DOMAIN, strlen(IPAM_DOMAIN)))
			json_put(kept, key, json_incref(value));
	return kept;
}

static int read_namespace(struct reader *r, const json_t *metadata, json_t *out)
{
	static const struct schema namespace = { .type = SCHEMA_NAME };
	json_t *json;
	int err;

	err = read_part(r, &namespace, metadata, "namespace", &json);
	if (json)
		json_put(out, "namespace", json);
	return err;
}

/* Checks all labels and annotations; @out keeps those that @kind uses. */
static int read_metadata(struct reader *r, const struct kind *kind, const json_t *metadata,
			 json_t *out)
{
	size_t length = reader_enter(r, ".metadata");
	json_t *labels = NULL, *annotations = NULL;
	int err = 0;

	if (kind->namespaced)
		err = read_namespace(r, metadata, out);
	if (!err)
		err = read_part(r, &schema_labels, metadata, "labels", &labels);
	if (!err && labels && kind->labels)
		put_strings(out, "labels", json_incref(labels));
	if (!err)
		err = read_part(r, &schema_annotations, metadata, "annotations", &annotations);
	if (!err)
		reader_leave(r, length);
	if (!err && kind->annotations)
		put_strings(out, "annotations",
			    filter_annotations(r, json_get(metadata, "annotations"), annotations));
	json_decref(labels);
	json_decref(annotations);
	return err;
}

/* Parses ip-masq-agent's configuration, YAML or JSON inside of the string @text at @at. */
static int read_masquerade(struct reader *r, const char *text, const struct place *at, json_t **out)
{
	const struct documents *outer = r->d;
	const struct place top = r->top;
	struct documents d = {};
	struct error reason = {};
	unsigned int line = 1;
	int err;

	*out = NULL;
	err = documents_parse(text, strlen(text), &d, &line, &reason);
	/* The text after | and > begins on the next line; lines of other strings cannot be told apart. */
	line = at->block ? at->line + line : at->line;
	if (err) {
		err = reader_error(r, line, "%s", reason.text);
	} else if (d.count > 1) {
		err = reader_error(r, at->line, "has %zu documents; it must have one", d.count);
	} else if (!d.count) {
		*out = json_object();
	} else {
		r->d = &d;
		r->top = d.list[0].place;
		r->first_line = at->line;
		r->one_line = !at->block;
		err = schema_read(r, &schema_masquerade, d.list[0].root, &r->top, out);
		r->first_line = 0;
		r->one_line = false;
		r->top = top;
		r->d = outer;
	}
	documents_free(&d);
	return err;
}

static int read_configmap(struct reader *r, const json_t *in, const char *name, json_t *out)
{
	const json_t *fields = json_get(in, "data"), *text = json_get(fields, "config");
	json_t *data, *config;
	char *compact;
	int err;

	err = read_part(r, &schema_options, in, "data", &data);
	if (err)
		return err;
	if (!data)
		data = json_object();
	json_put(out, "data", data);
	if (strcmp(name, "ip-masq-agent") || !text)
		return 0;
	json_object_clear(data); /* ip-masq-agent reads nothing else. */
	reader_enter(r, "data.config");
	err = read_masquerade(r, json_string_value(text), field_place(r, fields, "config"), &config);
	if (err)
		return err;
	compact = object_text(config);
	json_put(data, "config", json_string(compact));
	free(compact);
	json_decref(config);
	reader_leave(r, 0);
	return 0;
}

/* Checks a pool's fields against each other; the sentences begin with the field's path. */
static int check_pool(struct reader *r, const json_t *in, const json_t *json)
{
	struct pool_spec spec;
	struct error reason;
	char path[sizeof(reason.text)];
	int err;

	err = pool_spec_from_json(json, &spec, &reason);
	if (!err) {
		err = pool_spec_check(&spec, &reason);
		pool_spec_free(&spec);
	}
	if (!err)
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(reason.text, ":"), reason.text);
	return reader_error(r, field_line(r, in, path), "%s", reason.text);
}

static int check_fields(struct reader *r, const json_t *in)
{
	static const char *const fields[] = { "apiVersion", "kind", "metadata", "spec", "status" };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)in, key, value) {
		size_t i = 0;

		while (i < 5 && strcmp(key, fields[i]))
			i++;
		if (i == 5 && !r->lenient)
			return reader_error(r, field_place(r, in, key)->key_line,
					    "%.100s: unknown field; known here: apiVersion, kind, metadata, spec",
					    key);
	}
	return 0;
}

static int read_spec(struct reader *r, const struct kind *kind, const json_t *in, json_t *out)
{
	json_t *spec;
	int err = check_fields(r, in);

	if (err)
		return err;
	if (!json_get(in, "spec"))
		return reader_error(r, r->top.line, "spec: missing; add it");
	err = read_part(r, kind->spec, in, "spec", &spec);
	if (err)
		return err;
	json_put(out, "spec", spec);
	return kind->object == OBJECT_POOL ? check_pool(r, in, out) : 0;
}

static int read_body(struct reader *r, const struct kind *kind, const json_t *in, json_t *out)
{
	json_t *body;
	int err = schema_read(r, kind->body, in, &r->top, &body);

	if (!err && json_object_update(out, body))
		abort();
	json_decref(body);
	return err;
}

static int read_ours(struct reader *r, const struct kind *kind, const json_t *in,
		     const char *version, struct object *o)
{
	json_t *metadata = json_object();
	int err;

	o->json = json_object();
	json_put(o->json, "apiVersion", json_string(version));
	json_put(o->json, "kind", json_string(kind->name));
	json_put(o->json, "metadata", metadata);
	json_put(metadata, "name", json_incref(json_get(json_get(in, "metadata"), "name")));
	err = read_metadata(r, kind, json_get(in, "metadata"), metadata);
	if (!err && kind->spec)
		err = read_spec(r, kind, in, o->json);
	if (!err && kind->body)
		err = read_body(r, kind, in, o->json);
	if (!err && kind->object == OBJECT_CONFIGMAP)
		err = read_configmap(r, in, o->name, o->json);
	if (!err && json_dumpb(o->json, NULL, 0, JSON_COMPACT) >
			    (size_t)OBJECT_CHUNK_TEXT * OBJECT_CHUNKS_MAX)
		err = reader_error(r, r->top.line, "more than %d bytes of text; make it smaller",
				   OBJECT_CHUNK_TEXT * OBJECT_CHUNKS_MAX);
	return err;
}

static int read_type(struct reader *r, const json_t *in, const char *key, const char **value)
{
	const json_t *text = json_get(in, key);

	if (text && !json_is_string(text))
		return reader_error(r, field_line(r, in, key), "%s: must be a string", key);
	if (text)
		*value = json_string_value(text);
	if (!*value || !**value)
		return reader_error(r, r->top.line, "%s: missing; add it", key);
	return 0;
}

/* Objects of which each namespace may have one of a name. */
static int qualify_name(struct reader *r, const json_t *in, const char *name, struct object *o)
{
	const json_t *namespace = json_get(json_get(in, "metadata"), "namespace");
	const char *text = namespace ? json_string_value(namespace) : "default";

	if (!text || !name_is_label(text))
		return reader_error(r, field_line(r, in, "metadata.namespace"),
				    "metadata.namespace: invalid namespace; use lower case letters, digits and - (at most 63)");
	snprintf(o->name, sizeof(o->name), "%s/%s", text, name);
	snprintf(r->object, sizeof(r->object), "%s/%s", object_kind_name(o->kind), o->name);
	return 0;
}

static int read_name(struct reader *r, const json_t *in, struct object *o)
{
	const json_t *name = json_get(json_get(in, "metadata"), "name");
	const char *text = json_string_value(name);
	unsigned int line = field_line(r, in, "metadata.name");

	if (!name)
		return reader_error(r, line, "metadata.name: missing; add it");
	if (!text)
		return reader_error(r, line, "metadata.name: must be a string; quote it");
	if (!name_is_subdomain(text, strlen(text)))
		return reader_error(r, line,
				    "metadata.name: invalid name \"%.80s\"; use lower case letters, digits, - and . (at most 253)",
				    text);
	if (o->kind == OBJECT_NAMESPACE && !name_is_label(text))
		return reader_error(r, line,
				    "metadata.name: invalid namespace \"%.80s\"; use lower case letters, digits and - (at most 63)",
				    text);
	snprintf(o->name, sizeof(o->name), "%s", text);
	if (o->kind == OBJECT_SERVICE || o->kind == OBJECT_ENDPOINTSLICE)
		return qualify_name(r, in, text, o);
	snprintf(r->object, sizeof(r->object), "%s/%s", object_kind_name(o->kind), o->name);
	return 0;
}

static bool is_ours(const struct kind *kind, const char *name)
{
	return kind && (kind->object != OBJECT_CONFIGMAP || !strcmp(name, "cilium-config") ||
			!strcmp(name, "ip-masq-agent"));
}

int object_read(struct reader *r, const json_t *in, const char *kind_name, const char *version,
		struct object *o)
{
	const char *name = json_string_value(json_get(json_get(in, "metadata"), "name")) ?: "";
	const struct kind *kind;
	int err;

	r->object[0] = r->path[0] = 0;
	err = read_type(r, in, "apiVersion", &version);
	if (!err)
		err = read_type(r, in, "kind", &kind_name);
	if (!err)
		err = kind_find(r, in, kind_name, version, &kind);
	if (err)
		return err;
	snprintf(o->kind_name, sizeof(o->kind_name), "%s", kind_name);
	if (!is_ours(kind, name)) {
		snprintf(o->name, sizeof(o->name), "%s", name);
		make_printable(o->kind_name);
		make_printable(o->name);
		return 0;
	}
	o->kind = kind->object;
	snprintf(r->object, sizeof(r->object), "%s", object_kind_name(o->kind));
	err = read_name(r, in, o);
	return err ? err : read_ours(r, kind, in, version, o);
}

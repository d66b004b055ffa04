// SPDX-License-Identifier: GPL-2.0-only
/*
 * YAML text from libyaml's events. An alias shares its anchor's value, so reading is cheap. The
 * expanded size of all aliases is counted and limited, because code that walks the values visits
 * each of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "loader/base/memory.h"
#include "loader/text/places.h"

#define ANCHORS_MAX 1024 /* of one document: looking one up is a linear search */

/* A value that was read, and its place. */
struct yaml_node {
	json_t *json; /* owned */
	struct place place;
	size_t weight; /* bytes with all its aliases written out */
};

struct anchor {
	char *name;
	struct yaml_node node; /* its .json is NULL while its value is being read */
};

struct yaml_reader {
	struct documents *d;
	const char *text;
	size_t length;
	yaml_parser_t parser;
	yaml_event_t event; /* the present one */
	struct anchor *anchors;
	size_t anchor_count, expanded;
	unsigned int *line;
	struct error *e;
};

static unsigned int event_line(const struct yaml_reader *r)
{
	return r->event.start_mark.line + 1;
}

#define reader_fail(r, at, ...) (*(r)->line = (at), error_set((r)->e, -EINVAL, __VA_ARGS__))

static bool indented_with_tab(const struct yaml_reader *r, size_t line)
{
	const char *text = r->text, *end = r->text + r->length;

	for (; line && text < end; text++)
		line -= *text == '\n';
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

static int syntax_error(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line;

	if (p->error == YAML_READER_ERROR) { /* has no mark */
		line = 0;
		for (size_t i = 0; i < p->problem_offset && i < r->length; i++)
			line += r->text[i] == '\n';
	} else if (indented_with_tab(r, line)) {
		return reader_fail(r, line + 1, "indented with a tab; use spaces");
	}
	if (p->context)
		return reader_fail(r, line + 1, "not valid YAML: %s %s (line %zu)", p->problem,
				   p->context, p->context_mark.line + 1);
	return reader_fail(r, line + 1, "not valid YAML: %s",
			   p->problem ? p->problem : "no memory");
}

static int next_event(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		memset(&r->event, 0, sizeof(r->event));
		return syntax_error(r);
	}
	return 0;
}

static int read_node(struct yaml_reader *r, unsigned int depth, struct yaml_node *node);

static void node_free(struct yaml_node *node)
{
	json_decref(node->json);
	free((char *)node->place.written);
}

static void anchors_free(struct yaml_reader *r)
{
	for (size_t i = 0; i < r->anchor_count; i++) {
		free(r->anchors[i].name);
		node_free(&r->anchors[i].node);
	}
	free(r->anchors);
	r->anchors = NULL;
	r->anchor_count = 0;
}

/* @name may be NULL; *index: where the anchor is, or -1. */
static int anchor_add(struct yaml_reader *r, const yaml_char_t *name, long *index)
{
	*index = -1;
	if (!name)
		return 0;
	if (r->anchor_count == ANCHORS_MAX)
		return reader_fail(r, event_line(r), "more than %d anchors; write the values out",
				   ANCHORS_MAX);
	r->anchors = xrealloc(r->anchors, (r->anchor_count + 1) * sizeof(*r->anchors));
	*index = r->anchor_count++;
	r->anchors[*index] = (struct anchor){ .name = xstrdup((const char *)name) };
	return 0;
}

static struct yaml_node node_share(const struct yaml_node *node)
{
	struct yaml_node copy = *node;

	json_incref(copy.json);
	if (copy.place.written)
		copy.place.written = xstrdup(copy.place.written);
	return copy;
}

static void anchor_set(struct yaml_reader *r, long index, const struct yaml_node *node)
{
	if (index >= 0)
		r->anchors[index].node = node_share(node);
}

static int read_alias(struct yaml_reader *r, struct yaml_node *node)
{
	const char *name = (const char *)r->event.data.alias.anchor;
	size_t i = r->anchor_count;

	while (i && strcmp(r->anchors[i - 1].name, name)) /* The last anchor of a name counts. */
		i--;
	if (!i)
		return reader_fail(r, event_line(r), "alias *%.100s has no anchor", name);
	if (!r->anchors[i - 1].node.json)
		return reader_fail(r, event_line(r), "alias *%.100s stands inside its own anchor",
				   name);
	*node = node_share(&r->anchors[i - 1].node);
	r->expanded += node->weight;
	if (r->expanded > TEXT_ALIAS_MAX)
		return reader_fail(r, event_line(r),
				   "aliases stand for more than %u MB; write the values out",
				   TEXT_ALIAS_MAX >> 20);
	return 0;
}

static int read_scalar(struct yaml_reader *r, struct yaml_node *node)
{
	const char *text = (const char *)r->event.data.scalar.value;
	const char *tag = (const char *)r->event.data.scalar.tag;
	size_t length = r->event.data.scalar.length;
	yaml_scalar_style_t style = r->event.data.scalar.style;
	enum scalar_kind kind = SCALAR_STRING;
	long anchor;

	if (memchr(text, 0, length))
		return reader_fail(r, event_line(r), "a string has a NUL in it; remove it");
	if (tag && scalar_tagged(tag, text, &kind))
		return reader_fail(r, event_line(r), "\"%.100s\" does not fit its tag %.100s", text,
				   tag);
	if (!tag && style == YAML_PLAIN_SCALAR_STYLE)
		kind = scalar_kind(text);
	node->json = scalar_json(kind, text, length);
	if (!node->json)
		abort();
	node->weight = sizeof(json_t) + length;
	node->place.block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	if (kind != SCALAR_STRING && kind != SCALAR_NULL)
		node->place.written = xstrdup(text);
	if (anchor_add(r, r->event.data.scalar.anchor, &anchor))
		return -EINVAL;
	anchor_set(r, anchor, node);
	return 0;
}

static int read_list(struct yaml_reader *r, unsigned int depth, struct yaml_node *node)
{
	long anchor;
	int err = anchor_add(r, r->event.data.sequence_start.anchor, &anchor);

	node->json = json_array();
	node->weight = sizeof(json_t);
	while (!err) {
		struct yaml_node item = {};

		err = next_event(r);
		if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		err = read_node(r, depth, &item);
		if (err) {
			node_free(&item);
			break;
		}
		places_set_item(r->d->places, node->json, json_array_size(node->json), &item.place);
		if (json_array_append_new(node->json, item.json))
			abort();
		node->weight += sizeof(void *) + item.weight;
	}
	if (!err)
		anchor_set(r, anchor, node);
	return err;
}

/* Copies the pairs that @map lacks from @from, with their places. */
static void merge_map(struct yaml_reader *r, struct yaml_node *map, json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value) {
		struct place place = {};

		if (json_object_get(map->json, key))
			continue;
		if (place_of_key(r->d, from, key))
			place = *place_of_key(r->d, from, key);
		if (place.written)
			place.written = xstrdup(place.written);
		places_set_key(r->d->places, map->json, key, &place);
		if (json_object_set_nocheck(map->json, key, value))
			abort();
		map->weight += sizeof(json_t) + strlen(key); /* counted with the alias */
	}
}

#define NO_MERGE "<< needs a map or a list of maps; quote the key if it is neither"

/* Handles <<: the pairs of a map, or of a list of maps; the map's own pairs and earlier maps win. */
static int check_merge(struct yaml_reader *r, const struct yaml_node *from)
{
	json_t *item;
	size_t i;

	json_array_foreach(from->json, i, item)
		if (!json_is_object(item))
			return reader_fail(r, place_of_item(r->d, from->json, i)->line, NO_MERGE);
	if (!json_is_array(from->json) && !json_is_object(from->json))
		return reader_fail(r, from->place.line, NO_MERGE);
	return 0;
}

static void merge_all(struct yaml_reader *r, struct yaml_node *map, json_t *merged)
{
	json_t *from, *item;
	size_t i, k;

	json_array_foreach(merged, i, from) {
		if (json_is_object(from))
			merge_map(r, map, from);
		json_array_foreach(from, k, item)
			merge_map(r, map, item);
	}
}

/* Reads a key and its value into @map; the value of << goes into @merged. */
static int put_pair(struct yaml_reader *r, struct yaml_node *map, const char *name,
		    const struct yaml_node *key, struct yaml_node *value)
{
	const struct place *before = place_of_key(r->d, map->json, name);

	if (json_object_get(map->json, name))
		return reader_fail(r, key->place.line,
				   "duplicate key \"%.100s\" (first on line %u); remove one", name,
				   before ? before->key_line : 0);
	value->place.key_line = key->place.line;
	value->place.odd_key = !json_is_string(key->json);
	places_set_key(r->d->places, map->json, name, &value->place);
	value->place.written = NULL;
	if (json_object_set_nocheck(map->json, name, value->json))
		abort();
	map->weight += sizeof(json_t) + strlen(name) + value->weight;
	return 0;
}

static int read_pair(struct yaml_reader *r, unsigned int depth, struct yaml_node *map, json_t *merged)
{
	struct yaml_node key = {}, value = {};
	bool merge = r->event.type == YAML_SCALAR_EVENT && !r->event.data.scalar.tag &&
		     r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		     !strcmp((const char *)r->event.data.scalar.value, "<<");
	int err = read_node(r, depth, &key);

	if (!err && (json_is_array(key.json) || json_is_object(key.json)))
		err = reader_fail(r, key.place.line, "a key is %s; it must be a string",
				  json_kind_name(key.json));
	if (!err)
		err = next_event(r);
	if (!err)
		err = read_node(r, depth, &value);
	if (!err && merge)
		err = check_merge(r, &value);
	if (!err && merge)
		json_array_append(merged, value.json);
	else if (!err)
		err = put_pair(r, map,
			       json_is_string(key.json) ? json_string_value(key.json) :
							  key.place.written ?: "null",
			       &key, &value);
	node_free(&key);
	node_free(&value);
	return err;
}

static int read_map(struct yaml_reader *r, unsigned int depth, struct yaml_node *node)
{
	json_t *merged = json_array();
	long anchor;
	int err = anchor_add(r, r->event.data.mapping_start.anchor, &anchor);

	node->json = json_object();
	node->weight = sizeof(json_t);
	while (!err) {
		err = next_event(r);
		if (err || r->event.type == YAML_MAPPING_END_EVENT)
			break;
		err = read_pair(r, depth, node, merged);
	}
	if (!err) {
		merge_all(r, node, merged);
		anchor_set(r, anchor, node);
	}
	json_decref(merged);
	return err;
}

static int read_node(struct yaml_reader *r, unsigned int depth, struct yaml_node *node)
{
	if (depth == TEXT_DEPTH_MAX)
		return reader_fail(r, event_line(r), "nested deeper than %d levels",
				   TEXT_DEPTH_MAX);
	node->place.line = node->place.key_line = event_line(r);
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, node);
	case YAML_SCALAR_EVENT:
		return read_scalar(r, node);
	case YAML_SEQUENCE_START_EVENT:
		return read_list(r, depth + 1, node);
	default:
		return read_map(r, depth + 1, node);
	}
}

static int read_document(struct yaml_reader *r)
{
	struct yaml_node root = {};
	int err = next_event(r);

	if (!err)
		err = read_node(r, 0, &root);
	if (!err)
		documents_add(r->d, json_incref(root.json), &root.place);
	node_free(&root);
	anchors_free(r);
	return err;
}

static int read_stream(struct yaml_reader *r)
{
	int err;

	do {
		err = next_event(r);
		if (!err && r->event.type == YAML_DOCUMENT_START_EVENT)
			err = read_document(r);
	} while (!err && r->event.type != YAML_STREAM_END_EVENT);
	return err;
}

int yaml_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e)
{
	struct yaml_reader r = { .d = d, .text = text, .length = length, .line = line, .e = e };
	int err;

	if (!yaml_parser_initialize(&r.parser))
		return reader_fail(&r, 1, "no memory");
	d->places = places_new();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
	err = read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return err;
}

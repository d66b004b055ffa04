// SPDX-License-Identifier: GPL-2.0-only
/* Walks a tree along a schema: mistakes are named with their place, values become canonical. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/schema.h"
#include "loader/base/prefix.h"

void json_put(json_t *object, const char *key, json_t *value)
{
	/* keys and values come from trees, which are UTF-8: only a lack of memory can fail */
	if (json_object_set_new(object, key, value))
		abort();
}

void make_printable(char *text)
{
	const char *end = text + strlen(text);

	while (*text) {
		size_t n = utf8_length(text, end);
		bool c1 = n == 2 && (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0;

		/* no sequence: quoting cut it */
		if (!n || c1 || (unsigned char)*text < 0x20 || *text == 0x7f) {
			*text++ = '?';
			continue;
		}
		text += n;
	}
}

static void reader_sentence(const struct reader *r, unsigned int line, char *text, size_t size,
			    const char *fmt, va_list ap)
{
	const char *object = r->object, *path = r->path;
	int n;

	line = r->one_line ? r->first_line : r->first_line + line;
	n = snprintf(text, size, "%s:%u: %s%s%s%s", r->file, line, object, *object ? ": " : "",
		     path, *path ? ": " : "");
	if (n > 0 && (size_t)n < size)
		vsnprintf(text + n, size - n, fmt, ap);
	make_printable(text);
}

int reader_error(struct reader *r, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	if (!r->e)
		return -EINVAL;
	va_start(ap, fmt);
	reader_sentence(r, line, r->e->text, sizeof(r->e->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void reader_warn(struct reader *r, unsigned int line, const char *fmt, ...)
{
	struct manifest *m = r->m;
	struct error text;
	va_list ap;

	va_start(ap, fmt);
	reader_sentence(r, line, text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	if (!(m->warning_count & (m->warning_count + 1))) { /* 0, 1, 3, 7, ...: full */
		m->warnings = realloc(m->warnings,
				      (m->warning_count * 2 + 1) * sizeof(*m->warnings));
		if (!m->warnings)
			abort();
	}
	m->warnings[m->warning_count] = strdup(text.text);
	if (!m->warnings[m->warning_count++])
		abort();
}

size_t reader_enter(struct reader *r, const char *fmt, ...)
{
	size_t length = strlen(r->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->path + length, sizeof(r->path) - length, fmt + (!length && *fmt == '.'), ap);
	va_end(ap);
	return length;
}

void reader_leave(struct reader *r, size_t length)
{
	r->path[length] = 0;
}

/* A value as a message says it. */
static const char *shown(const struct tree *tree)
{
	bool scalar = tree->kind < TREE_LIST && tree->kind != TREE_NULL;

	return scalar ? tree->text : tree_kind_name(tree->kind);
}

static int wrong_kind(struct reader *r, const struct tree *tree, const char *wanted)
{
	if (tree->kind == TREE_STRING)
		return reader_error(r, tree->line, "must be %s, not the string \"%.80s\"%s", wanted,
				    tree->text, scalar_kind(tree->text) == TREE_STRING ?
							"" : "; remove the quotes");
	return reader_error(r, tree->line, "must be %s, not %.80s", wanted, shown(tree));
}

static int read_text(struct reader *r, const struct tree *tree, const char **text)
{
	if (tree->kind != TREE_STRING && tree->kind < TREE_LIST)
		return reader_error(r, tree->line, "must be a string, not %.80s; quote it",
				    shown(tree));
	if (tree->kind != TREE_STRING)
		return wrong_kind(r, tree, "a string");
	*text = tree->text;
	return 0;
}

static json_t *string_json(const char *text)
{
	json_t *json = json_string(text);

	if (!json)
		abort();
	return json;
}

static int read_string(struct reader *r, const struct schema *schema, const struct tree *tree,
		       json_t **json)
{
	const char *text = NULL;
	int err;

	err = read_text(r, tree, &text);
	if (err)
		return err;
	if (schema->type == SCHEMA_NAME && !name_is_subdomain(text, strlen(text)))
		return reader_error(r, tree->line,
				    "\"%.80s\" is no name; use lower case letters, digits, - and . (at most 253)",
				    text);
	*json = string_json(text);
	return 0;
}

static int read_bool(struct reader *r, const struct schema *schema, const struct tree *tree,
		     json_t **json)
{
	(void)schema;
	if (tree->kind != TREE_BOOL)
		return wrong_kind(r, tree, "true or false");
	if (scalar_true(tree->text))
		*json = json_true();
	return 0;
}

static int read_number(struct reader *r, const struct schema *schema, const struct tree *tree,
		       json_t **json)
{
	long long n = 0;

	if (tree->kind != TREE_INT && tree->kind != TREE_FLOAT)
		return wrong_kind(r, tree, "a number");
	if (tree->kind == TREE_FLOAT || scalar_int(tree->text, &n) || n < schema->min ||
	    n > schema->max)
		return reader_error(r, tree->line,
				    "must be a whole number from %lld to %lld, not %.80s",
				    schema->min, schema->max, tree->text);
	*json = json_integer(n);
	return 0;
}

static int read_address(struct reader *r, const struct schema *schema, const struct tree *tree,
			json_t **json)
{
	const char *text = NULL;
	struct addr addr;
	char canonical[ADDR_TEXT];
	int err;

	(void)schema;
	err = read_text(r, tree, &text);
	if (err)
		return err;
	if (addr_parse(text, &addr))
		return reader_error(r, tree->line, "\"%.80s\" is no IP address", text);
	*json = string_json(addr_format(&addr, canonical));
	return 0;
}

static int read_cidr(struct reader *r, const struct schema *schema, const struct tree *tree,
		     json_t **json)
{
	const char *text;
	char canonical[PREFIX_TEXT];
	struct prefix prefix;
	int err, masked;

	(void)schema;
	err = read_text(r, tree, &text);
	if (err)
		return err;
	masked = prefix_parse(text, &prefix);
	if (masked < 0)
		return reader_error(r, tree->line, "\"%.80s\" is no CIDR; write address/length",
				    text);
	prefix_format(&prefix, canonical);
	if (masked)
		reader_warn(r, tree->line, "%.80s has host bits set; taken as %s", text, canonical);
	*json = string_json(canonical);
	return 0;
}

static int read_list(struct reader *r, const struct schema *schema, const struct tree *tree,
		     json_t **json)
{
	json_t *list;
	int err = 0;

	if (tree->kind != TREE_LIST)
		return wrong_kind(r, tree, "a list");
	if (tree->count < (size_t)schema->min || (schema->max && tree->count > (size_t)schema->max))
		return reader_error(r, tree->line, "has %zu entries; it must have %lld to %lld",
				    tree->count, schema->min, schema->max);
	list = json_array();
	for (size_t i = 0; i < tree->count && !err; i++) {
		size_t length = reader_enter(r, "[%zu]", i);
		json_t *item = NULL;

		err = schema_read(r, schema->item, tree->items[i], &item);
		if (item && json_array_append_new(list, item))
			abort();
		if (!err)
			reader_leave(r, length);
	}
	*json = list;
	return err;
}

static int pair_compare(const void *a, const void *b)
{
	const struct tree_pair *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static int read_entry(struct reader *r, const struct schema *schema, const struct tree_pair *pair,
		      json_t *map)
{
	size_t length = reader_enter(r, "[%.100s]", pair->key);
	const char *text;
	int err = 0;

	if (pair->key_kind != TREE_STRING)
		err = reader_error(r, pair->line, "the key must be a string; quote it");
	else if (schema->check_key)
		err = schema->check_key(r, pair->line, pair->key);
	if (!err)
		err = read_text(r, pair->value, &text);
	if (!err && schema->check)
		err = schema->check(r, pair->value, text);
	if (err)
		return err;
	json_put(map, pair->key, string_json(text));
	reader_leave(r, length);
	return 0;
}

static int read_strings(struct reader *r, const struct schema *schema, const struct tree *tree,
			json_t **json)
{
	const struct tree_pair **sorted;
	int err = 0;

	if (tree->kind != TREE_MAP)
		return wrong_kind(r, tree, "a map of strings");
	sorted = calloc(tree->count + 1, sizeof(*sorted));
	if (!sorted)
		abort();
	for (size_t i = 0; i < tree->count; i++)
		sorted[i] = tree->pairs + i;
	qsort(sorted, tree->count, sizeof(*sorted), pair_compare);
	*json = json_object();
	for (size_t i = 0; i < tree->count && !err; i++)
		err = read_entry(r, schema, sorted[i], *json);
	free(sorted);
	return err;
}

static const struct schema_field *find_field(const struct schema_field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static int unknown_field(struct reader *r, const struct schema *schema,
			 const struct tree_pair *pair)
{
	char known[400] = "";
	size_t n = 0;

	for (const struct schema_field *f = schema->fields; f->name && n < sizeof(known); f++)
		n += snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", f->name);
	reader_enter(r, ".%.100s", pair->key);
	return reader_error(r, pair->line, "unknown field; known here: %s", known);
}

static int read_field(struct reader *r, const struct schema_field *field, const struct tree *tree,
		      json_t *object)
{
	const struct tree *value = tree_get(tree, field->name);
	size_t length = reader_enter(r, ".%s", field->name);
	json_t *json = NULL;
	int err = 0;

	if (value)
		err = schema_read(r, field->schema, value, &json);
	else if (field->required)
		err = reader_error(r, tree->line, "missing; add it");
	if (json)
		json_put(object, field->name, json);
	if (!err)
		reader_leave(r, length);
	return err;
}

static int read_object(struct reader *r, const struct schema *schema, const struct tree *tree,
		       json_t **json)
{
	int err = 0;

	if (tree->kind != TREE_MAP)
		return wrong_kind(r, tree, "a map");
	for (size_t i = 0; i < tree->count; i++)
		if (!find_field(schema->fields, tree->pairs[i].key))
			return unknown_field(r, schema, &tree->pairs[i]);
	*json = json_object();
	for (const struct schema_field *f = schema->fields; f->name && !err; f++)
		err = read_field(r, f, tree, *json);
	return err;
}

int schema_read(struct reader *r, const struct schema *schema, const struct tree *tree,
		json_t **json)
{
	static int (*const read[])(struct reader *, const struct schema *, const struct tree *,
				   json_t **) = {
		[SCHEMA_STRING] = read_string, [SCHEMA_NAME] = read_string,
		[SCHEMA_BOOL] = read_bool, [SCHEMA_NUMBER] = read_number,
		[SCHEMA_ADDRESS] = read_address, [SCHEMA_CIDR] = read_cidr,
		[SCHEMA_LIST] = read_list, [SCHEMA_OBJECT] = read_object,
		[SCHEMA_STRINGS] = read_strings,
	};
	int err;

	*json = NULL;
	if (schema->type == SCHEMA_UNUSED)
		return 0;
	err = read[schema->type](r, schema, tree, json);
	/* the entries of a map of strings have been checked one by one */
	if (!err && schema->check && schema->type != SCHEMA_STRINGS)
		err = schema->check(r, tree, json_string_value(*json));
	if (err) {
		json_decref(*json);
		*json = NULL;
	}
	return err;
}

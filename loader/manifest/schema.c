// SPDX-License-Identifier: GPL-2.0-only
/* Walks values along a schema: errors name the place, values become canonical. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/base/prefix.h"
#include "loader/manifest/schema.h"

void json_put(json_t *object, const char *key, json_t *value)
{
	/* Documents are UTF-8: only a lack of memory can fail here. */
	if (json_object_set_new(object, key, value))
		abort();
}

void make_printable(char *text)
{
	const char *end = text + strlen(text);

	while (*text) {
		size_t n = utf8_length(text, end);
		bool c1 = n == 2 && (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0;

		/* Quoting has cut a UTF-8 sequence. */
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
	char number[16] = "";
	int n;

	line = r->one_line ? r->first_line : r->first_line + line;
	if (line)
		snprintf(number, sizeof(number), ":%u", line);
	n = snprintf(text, size, "%s%s: %s%s%s%s", r->file, number, object, *object ? ": " : "",
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
	if (!(m->warning_count & (m->warning_count + 1))) /* 0, 1, 3, 7, ...: full */
		m->warnings = xrealloc(m->warnings,
				       (m->warning_count * 2 + 1) * sizeof(*m->warnings));
	m->warnings[m->warning_count++] = xstrdup(text.text);
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

const struct place *field_place(const struct reader *r, const json_t *map, const char *key)
{
	return place_of_key(r->d, map, key) ?: &r->top;
}

const struct place *item_place(const struct reader *r, const json_t *list, size_t index)
{
	return place_of_item(r->d, list, index) ?: &r->top;
}

unsigned int field_line(const struct reader *r, const json_t *json, const char *path)
{
	return line_of_path(r->d, json, r->top.line, path);
}

#define SHOWN 96

/* A value in a message: as it was written, or its type. */
static const char *shown(const json_t *in, const struct place *at, char text[SHOWN])
{
	if (at->written)
		return at->written;
	if (json_is_string(in))
		return json_string_value(in);
	if (!json_is_number(in) && !json_is_boolean(in))
		return json_kind_name(in);
	text[json_dumpb(in, text, SHOWN - 1, JSON_ENCODE_ANY)] = 0;
	return text;
}

static int wrong_kind(struct reader *r, const json_t *in, const struct place *at,
		      const char *expected)
{
	const char *string = json_string_value(in);
	char text[SHOWN];

	if (string)
		return reader_error(r, at->line, "must be %s, not the string \"%.80s\"%s", expected,
				    string, scalar_kind(string) == SCALAR_STRING ?
						    "" : "; remove the quotes");
	return reader_error(r, at->line, "must be %s, not %.80s", expected, shown(in, at, text));
}

static int read_text(struct reader *r, const json_t *in, const struct place *at, const char **out)
{
	char text[SHOWN];

	*out = json_string_value(in);
	if (*out)
		return 0;
	if (json_is_object(in) || json_is_array(in))
		return wrong_kind(r, in, at, "a string");
	return reader_error(r, at->line, "must be a string, not %.80s; quote it", shown(in, at, text));
}

static json_t *string_json(const char *text)
{
	json_t *json = json_string(text);

	if (!json)
		abort();
	return json;
}

static int wrong_choice(struct reader *r, const char *const *choices, const char *text,
			const struct place *at)
{
	char known[200] = "";
	size_t n = 0;

	for (; *choices && n < sizeof(known); choices++)
		n += snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", *choices);
	return reader_error(r, at->line, "\"%.80s\" is unknown; known here: %s", text, known);
}

static int read_string(struct reader *r, const struct schema *schema, const json_t *in,
		       const struct place *at, json_t **out)
{
	const char *text;
	int err = read_text(r, in, at, &text);

	if (err)
		return err;
	if (schema->type == SCHEMA_NAME && !name_is_subdomain(text, strlen(text)))
		return reader_error(r, at->line,
				    "invalid name \"%.80s\"; use lower case letters, digits, - and . (at most 253)",
				    text);
	for (const char *const *c = schema->choices; c && strcmp(text, *c ?: text); c++)
		if (!c[1])
			return wrong_choice(r, schema->choices, text, at);
	*out = string_json(text);
	return 0;
}

static int read_bool(struct reader *r, const struct schema *schema, const json_t *in,
		     const struct place *at, json_t **out)
{
	if (!json_is_boolean(in))
		return wrong_kind(r, in, at, "true or false");
	if (json_is_true(in) || schema->type == SCHEMA_CONDITION)
		*out = json_incref((json_t *)in);
	return 0;
}

static int read_number(struct reader *r, const struct schema *schema, const json_t *in,
		       const struct place *at, json_t **out)
{
	json_int_t n = json_integer_value(in);
	char text[SHOWN];

	if (!json_is_number(in))
		return wrong_kind(r, in, at, "a number");
	if (!json_is_integer(in) || n < schema->min || n > schema->max)
		return reader_error(r, at->line, "must be an integer from %lld to %lld, not %.80s",
				    schema->min, schema->max, shown(in, at, text));
	*out = json_integer(n);
	return 0;
}

static int read_address(struct reader *r, const struct schema *schema, const json_t *in,
			const struct place *at, json_t **out)
{
	const char *text;
	struct addr addr;
	char canonical[ADDR_TEXT];
	int err = read_text(r, in, at, &text);

	(void)schema;
	if (err)
		return err;
	if (addr_parse(text, &addr))
		return reader_error(r, at->line, "invalid IP address \"%.80s\"", text);
	*out = string_json(addr_format(&addr, canonical));
	return 0;
}

static int read_cidr(struct reader *r, const struct schema *schema, const json_t *in,
		     const struct place *at, json_t **out)
{
	const char *text;
	char canonical[PREFIX_TEXT];
	struct prefix prefix;
	int err = read_text(r, in, at, &text), masked;

	(void)schema;
	if (err)
		return err;
	masked = prefix_parse(text, &prefix);
	if (masked < 0)
		return reader_error(r, at->line, "invalid CIDR \"%.80s\": expected address/length", text);
	prefix_format(&prefix, canonical);
	if (masked)
		reader_warn(r, at->line, "%.80s has host bits set; taken as %s", text, canonical);
	*out = string_json(canonical);
	return 0;
}

static int read_list(struct reader *r, const struct schema *schema, const json_t *in,
		     const struct place *at, json_t **out)
{
	size_t count = json_array_size(in);
	int err = 0;

	if (!json_is_array(in))
		return wrong_kind(r, in, at, "a list");
	if (count < (size_t)schema->min || (schema->max && count > (size_t)schema->max))
		return reader_error(r, at->line, "has %zu entries; it must have %lld to %lld", count,
				    schema->min, schema->max);
	*out = json_array();
	for (size_t i = 0; i < count && !err; i++) {
		size_t length = reader_enter(r, "[%zu]", i);
		json_t *item = NULL;

		err = schema_read(r, schema->item, json_array_get(in, i), item_place(r, in, i), &item);
		if (item && json_array_append_new(*out, item))
			abort();
		if (!err)
			reader_leave(r, length);
	}
	return err;
}

static int read_entry(struct reader *r, const struct schema *schema, const json_t *map,
		      const char *key, json_t *out)
{
	const struct place *at = field_place(r, map, key);
	const json_t *value = json_object_get(map, key);
	size_t length = reader_enter(r, "[%.100s]", key);
	const char *text;
	int err = 0;

	if (at->odd_key)
		err = reader_error(r, at->key_line, "the key must be a string; quote it");
	else if (schema->check_key)
		err = schema->check_key(r, at->key_line, key);
	if (!err)
		err = read_text(r, value, at, &text);
	if (!err && schema->check)
		err = schema->check(r, value, at);
	if (err)
		return err;
	json_put(out, key, string_json(text));
	reader_leave(r, length);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_strings(struct reader *r, const struct schema *schema, const json_t *in,
			const struct place *at, json_t **out)
{
	const char **keys, *key;
	json_t *value;
	size_t count = 0;
	int err = 0;

	if (!json_is_object(in))
		return wrong_kind(r, in, at, "a map of strings");
	keys = xcalloc(json_object_size(in), sizeof(*keys));
	json_object_foreach((json_t *)in, key, value)
		keys[count++] = key;
	if (count)
		qsort(keys, count, sizeof(*keys), by_name);
	*out = json_object();
	for (size_t i = 0; i < count && !err; i++)
		err = read_entry(r, schema, in, keys[i], *out);
	free(keys);
	return err;
}

static const struct schema_field *find_field(const struct schema_field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static int unknown_field(struct reader *r, const struct schema *schema, const json_t *map,
			 const char *key)
{
	size_t n = 0, length = reader_enter(r, ".%.100s", key);
	char known[400] = "";

	if (r->lenient) {
		reader_warn(r, 0, "unknown field, ignored");
		reader_leave(r, length);
		return 0;
	}
	for (const struct schema_field *f = schema->fields; f->name && n < sizeof(known); f++)
		n += snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "", f->name);
	return reader_error(r, field_place(r, map, key)->key_line, "unknown field; known here: %s",
			    known);
}

static int read_field(struct reader *r, const struct schema_field *field, const json_t *map,
		      const struct place *at, json_t *out)
{
	const json_t *value = json_get(map, field->name);
	size_t length = reader_enter(r, ".%s", field->name);
	json_t *json = NULL;
	int err = 0;

	if (value)
		err = schema_read(r, field->schema, value, field_place(r, map, field->name), &json);
	else if (field->required)
		err = reader_error(r, at->line, "missing; add it");
	if (json)
		json_put(out, field->name, json);
	if (!err)
		reader_leave(r, length);
	return err;
}

static int read_object(struct reader *r, const struct schema *schema, const json_t *in,
		       const struct place *at, json_t **out)
{
	const char *key;
	json_t *value;
	int err = 0;

	if (!json_is_object(in))
		return wrong_kind(r, in, at, "a map");
	json_object_foreach((json_t *)in, key, value)
		if (!schema->open && !find_field(schema->fields, key) && !err)
			err = unknown_field(r, schema, in, key);
	if (err)
		return err;
	*out = json_object();
	for (const struct schema_field *f = schema->fields; f->name && !err; f++)
		err = read_field(r, f, in, at, *out);
	return err;
}

int schema_read(struct reader *r, const struct schema *schema, const json_t *in,
		const struct place *at, json_t **out)
{
	static int (*const read[])(struct reader *, const struct schema *, const json_t *,
				   const struct place *, json_t **) = {
		[SCHEMA_STRING] = read_string, [SCHEMA_NAME] = read_string,
		[SCHEMA_BOOL] = read_bool, [SCHEMA_CONDITION] = read_bool, [SCHEMA_NUMBER] = read_number,
		[SCHEMA_ADDRESS] = read_address, [SCHEMA_CIDR] = read_cidr,
		[SCHEMA_LIST] = read_list, [SCHEMA_OBJECT] = read_object,
		[SCHEMA_STRINGS] = read_strings,
	};
	int err;

	*out = NULL;
	if (schema->type == SCHEMA_UNUSED)
		return 0;
	err = read[schema->type](r, schema, in, at, out);
	/* The entries of a map of strings have been checked one by one. */
	if (!err && schema->check && schema->type != SCHEMA_STRINGS)
		err = schema->check(r, in, at);
	if (err) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}

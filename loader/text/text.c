// SPDX-License-Identifier: GPL-2.0-only
/* Documents: the choice of the reader, and helpers on its result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/text/places.h"

size_t utf8_length(const char *s, const char *end)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4;

	if (*u < 0x80)
		return 1;
	if (*u < 0xc2 || *u > 0xf4)
		return 0; /* not a first byte */
	if (n > (size_t)(end - s))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((*u == 0xe0 && u[1] < 0xa0) || (*u == 0xed && u[1] > 0x9f) ||
	    (*u == 0xf0 && u[1] < 0x90) || (*u == 0xf4 && u[1] > 0x8f))
		return 0; /* overlong, a surrogate, or beyond the last character */
	return n;
}

json_t *text_json(const char *text, size_t length)
{
	json_t *json = json_stringn(text, length);
	char *copy;

	if (json)
		return json;
	copy = strndup(text, length);
	if (!copy)
		abort();
	for (char *c = copy; *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

const char *json_kind_name(const json_t *json)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "a map", [JSON_ARRAY] = "a list", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean", [JSON_NULL] = "null",
	};

	return names[json_typeof(json)];
}

json_t *json_get(const json_t *map, const char *key)
{
	json_t *value = json_object_get(map, key);

	return json_is_null(value) ? NULL : value;
}

json_t *json_get_path(const json_t *map, const char *path)
{
	json_t *at = (json_t *)map;
	char key[64];

	for (size_t n; at && *path; path += n + !!path[n]) {
		n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		at = json_get(at, key);
	}
	return at;
}

const char *json_text(const json_t *map, const char *path)
{
	return json_string_value(json_get_path(map, path)) ?: "";
}

void documents_add(struct documents *d, json_t *root, const struct place *place)
{
	if (json_is_null(root)) {
		json_decref(root);
		return;
	}
	d->list = xgrow(d->list, d->count, sizeof(*d->list));
	d->list[d->count++] = (struct document){ root, *place };
}

void documents_free(struct documents *d)
{
	for (size_t i = 0; i < d->count; i++)
		json_decref(d->list[i].root);
	free(d->list);
	places_free(d->places);
	*d = (struct documents){};
}

/* libyaml would accept UTF-16, and neither reader reports the line of invalid UTF-8. */
static int check_text(const char *text, size_t length, unsigned int *line, struct error *e)
{
	const char *end = text + length;
	size_t n;

	*line = 1;
	for (const char *s = text; s < end; s += n) {
		n = utf8_length(s, end);
		if (!n || !*s)
			return error_set(e, -EINVAL, "%s; a manifest is a text file in UTF-8",
					 n ? "a NUL byte" : "not valid UTF-8");
		*line += *s == '\n';
	}
	return 0;
}

static bool begins_with_brace(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && strchr(" \t\r\n", text[i]))
		i++;
	return i < length && text[i] == '{';
}

/* Like kubectl: a text that begins with a brace is tried as JSON first, then as YAML. */
int documents_parse(const char *text, size_t length, struct documents *d, unsigned int *line,
		    struct error *e)
{
	struct error json_error = {};
	unsigned int json_line = 0;

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		length -= 3;
	}
	if (check_text(text, length, line, e))
		return -EINVAL;
	if (begins_with_brace(text, length)) {
		if (!json_read(text, length, d, &json_line, &json_error))
			return 0;
		documents_free(d);
	}
	if (!yaml_read(text, length, d, line, e))
		return 0;
	documents_free(d);
	/* The reader that got further has the more useful message. */
	if (json_line >= *line) {
		*line = json_line;
		if (e)
			*e = json_error;
	}
	return -EINVAL;
}

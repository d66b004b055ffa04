// SPDX-License-Identifier: GPL-2.0-only
/* kubectl's describe: labels made of keys, two spaces before a run's values. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/layout.h"
#include "loader/kernel/map.h"

#define LABEL_TEXT 512

static void append(struct description *d, char *label, char *value)
{
	if (!(d->count & (d->count - 1)))
		d->lines = xrealloc(d->lines, (d->count ? d->count * 2 : 1) * sizeof(*d->lines));
	d->lines[d->count++] = (struct describe_line){ label, value };
}

static char *format(unsigned int level, const char *fmt, va_list ap)
{
	char *text, *indented;

	if (vasprintf(&text, fmt, ap) < 0 ||
	    asprintf(&indented, "%*s%s", (int)(2 * level), "", text) < 0)
		abort();
	free(text);
	return indented;
}

void describe_text(struct description *d, unsigned int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(d, format(level, fmt, ap), NULL);
	va_end(ap);
}

void describe_add(struct description *d, unsigned int level, const char *label, const char *fmt,
		  ...)
{
	char *text, *value = NULL;
	va_list ap;

	if (asprintf(&text, "%*s%s%s", (int)(2 * level), "", label, *label ? ":" : "") < 0)
		abort();
	va_start(ap, fmt);
	if (fmt)
		value = format(0, fmt, ap);
	va_end(ap);
	append(d, text, value);
}

/*
 * "podCIDRs" has the words "pod", "CID" and "Rs": a run of capitals gives its last to what
 * follows.
 */
static bool starts_word(const char *key, size_t i)
{
	if (!i || !isupper((unsigned char)key[i]))
		return false;
	return islower((unsigned char)key[i - 1]) || islower((unsigned char)key[i + 1]);
}

static const char *label_of(const char *key, char label[LABEL_TEXT])
{
	size_t used = 0;

	/* what has digits or dots is a name of its own: "ipv4-addrs" */
	for (const char *c = key; *c; c++)
		if (!isalpha((unsigned char)*c) && *c != '-')
			return key;
	for (size_t i = 0; key[i] && used + 2 < LABEL_TEXT; i++) {
		if (starts_word(key, i))
			label[used++] = ' ';
		label[used] = i && label[used - 1] != ' ' ? key[i] : toupper((unsigned char)key[i]);
		used++;
	}
	label[used] = 0;
	return label;
}

static char *scalar_text(const json_t *json)
{
	char *text = json_is_string(json) ? xstrdup(json_string_value(json))
					  : json_dumps(json, JSON_ENCODE_ANY);

	if (!text)
		abort();
	return text;
}

static bool has_parts(const json_t *json)
{
	return json_is_object(json) || json_is_array(json);
}

static void describe_list(struct description *d, unsigned int level, const json_t *list)
{
	const json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		if (has_parts(value)) {
			describe_json(d, level, value);
		} else {
			char *text = scalar_text(value);

			describe_text(d, level, "%s", text);
			free(text);
		}
	}
}

static void describe_pair(struct description *d, unsigned int level, const char *key,
			  const json_t *value)
{
	char label[LABEL_TEXT], *text;

	if (has_parts(value)) {
		describe_add(d, level, label_of(key, label), NULL);
		describe_json(d, level + 1, value);
		return;
	}
	text = scalar_text(value);
	describe_add(d, level, label_of(key, label), "%s", text);
	free(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void describe_json(struct description *d, unsigned int level, const json_t *json)
{
	size_t count = json_object_size(json), n = 0;
	const char **keys, *key;
	json_t *value;

	if (json_is_array(json)) {
		describe_list(d, level, json);
		return;
	}
	keys = xcalloc(count, sizeof(*keys));
	json_object_foreach((json_t *)json, key, value) keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_text);
	for (size_t i = 0; i < n; i++)
		describe_pair(d, level, keys[i], json_object_get(json, keys[i]));
	free(keys);
}

void describe_write(struct description *d, FILE *out)
{
	size_t end = 0, width = 0;

	for (size_t i = 0; i < d->count; i++) {
		struct describe_line *line = &d->lines[i];

		/* a run of lines with values ends at one without */
		if (i >= end) {
			width = 0;
			for (end = i; end < d->count && d->lines[end].value; end++)
				if (strlen(d->lines[end].label) > width)
					width = strlen(d->lines[end].label);
		}
		if (line->value)
			fprintf(out, "%-*s  %s\n", (int)width, line->label, line->value);
		else
			fprintf(out, "%s\n", line->label);
		free(line->label);
		free(line->value);
	}
	free(d->lines);
	*d = (struct description){};
}

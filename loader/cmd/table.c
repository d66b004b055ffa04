// SPDX-License-Identifier: GPL-2.0-only
/* A table's cells kept until the widest of each column is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/base/memory.h"
#include "loader/cmd/cmd.h"
#include "loader/cmd/table.h"

#define COLUMN_GAP 3

static void append_text(char *text, const char *value)
{
	size_t used = strlen(text);

	if (*value && strcmp(text, value))
		snprintf(text + used, COLUMN_TEXT - used, "%s%s", used ? "," : "", value);
}

static void append_scalar(const json_t *value, char *text)
{
	char number[24];

	if (json_is_string(value)) {
		append_text(text, json_string_value(value));
	} else if (json_is_boolean(value)) {
		append_text(text, json_is_true(value) ? "yes" : "no");
	} else if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		append_text(text, number);
	}
}

static void append_at(const json_t *json, const char *path, char *text)
{
	size_t length = strcspn(path, "."), i;
	json_t *value;

	if (json_is_array(json)) {
		json_array_foreach(json, i, value)
			append_at(value, path, text);
	} else if (length) {
		value = json_object_getn(json, path, length);
		append_at(value, path + length + (path[length] == '.'), text);
	} else {
		append_scalar(json, text);
	}
}

void column_text(const json_t *item, const char *path, char *text)
{
	*text = 0;
	append_at(item, path, text);
}

void column_age(const json_t *item, const char *path, char *text)
{
	struct tm tm = {};

	column_text(item, path, text);
	if (strptime(text, TIME_FORMAT, &tm))
		age_text(timegm(&tm), text);
}

void column_seconds(const json_t *item, const char *path, char *text)
{
	column_text(item, path, text);
	strcat(text, "s");
}

static void add_cell(struct table *t, const char *text)
{
	t->cell = xgrow(t->cell, t->cells, sizeof(*t->cell));
	t->cell[t->cells++] = xstrdup(*text ? text : "<none>");
}

/* A row: @item, or the header. */
static void add_row(struct table *t, const json_t *item)
{
	char text[COLUMN_TEXT];

	for (const struct column *c = t->columns; c->header; c++) {
		if (c->wide && !t->wide)
			continue;
		if (item)
			(c->format ? c->format : column_text)(item, c->path, text);
		add_cell(t, item ? text : c->header);
	}
}

void table_add(struct table *t, json_t *item)
{
	if (!t->cells) {
		add_row(t, NULL);
		t->width = t->cells;
	}
	add_row(t, item);
	json_decref(item);
}

/* Bytes that continue a character take no place on the screen. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void table_print(struct table *t)
{
	int *widest = xcalloc(t->width, sizeof(*widest));

	for (size_t i = 0; i < t->cells; i++) {
		int width = width_of(t->cell[i]);

		if (width > widest[i % t->width])
			widest[i % t->width] = width;
	}
	for (size_t i = 0; i < t->cells; i++) {
		bool last = i % t->width == t->width - 1;
		int pad = widest[i % t->width] - width_of(t->cell[i]) + COLUMN_GAP;

		printf("%s%*s%s", t->cell[i], last ? 0 : pad, "", last ? "\n" : "");
		free(t->cell[i]);
	}
	free(widest);
	free(t->cell);
}

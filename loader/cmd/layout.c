// SPDX-License-Identifier: GPL-2.0-only
/* kubectl's describe: labels made of keys, two spaces before a run's values. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/cmd/layout.h"

#define LABEL_TEXT 512

struct lines {
	struct line {
		char *label, *value; /* owned; the label with its indentation; no value: the label alone */
	} *list;
	size_t count;
};

static void append(struct lines *l, unsigned int level, const char *label, const char *colon, char *value)
{
	struct line line = { .value = value };

	if (asprintf(&line.label, "%*s%s%s", (int)(2 * level), "", label, colon) < 0)
		abort();
	l->list = xgrow(l->list, l->count, sizeof(*l->list));
	l->list[l->count++] = line;
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

static void add(struct lines *l, unsigned int level, const json_t *json);

static void add_pair(struct lines *l, unsigned int level, const char *key, const json_t *value)
{
	char label[LABEL_TEXT], *text, *rest, *line;

	if (json_is_object(value) || json_is_array(value)) {
		append(l, level, label_of(key, label), ":", NULL);
		add(l, level + 1, value);
		return;
	}
	text = rest = scalar_text(value);
	append(l, level, label_of(key, label), ":", xstrdup(strsep(&rest, "\n")));
	while ((line = strsep(&rest, "\n")))
		append(l, level, "", "", xstrdup(line));
	free(text);
}

static void add(struct lines *l, unsigned int level, const json_t *json)
{
	const char *key;
	json_t *value;
	char *text;
	size_t i;

	json_object_foreach((json_t *)json, key, value)
		add_pair(l, level, key, value);
	json_array_foreach(json, i, value) {
		if (json_is_object(value) || json_is_array(value)) {
			add(l, json_is_array(value) ? level + 1 : level, value);
			continue;
		}
		text = scalar_text(value);
		append(l, level, text, "", NULL);
		free(text);
	}
}

void describe_print(const json_t *description)
{
	struct lines l = {};
	size_t end = 0, width = 0;

	add(&l, 0, description);
	for (size_t i = 0; i < l.count; i++) {
		/* a run of lines with values ends at one without */
		if (i >= end) {
			width = 0;
			for (end = i; end < l.count && l.list[end].value; end++)
				if (strlen(l.list[end].label) > width)
					width = strlen(l.list[end].label);
		}
		if (l.list[i].value)
			printf("%-*s  %s\n", (int)width, l.list[i].label, l.list[i].value);
		else
			puts(l.list[i].label);
		free(l.list[i].label);
		free(l.list[i].value);
	}
	free(l.list);
}

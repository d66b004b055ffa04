// SPDX-License-Identifier: GPL-2.0-only
/* Items on standard output as JSON, YAML or names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/output.h"
#include "loader/text/text.h"

#define JSON_STEP 4 /* kubectl's indentation */
#define OUTPUT_BUFFER (1 << 20)

bool output_format_by_name(const char *name, enum output_format *format)
{
	static const char *const names[] = {
		[OUTPUT_WIDE] = "wide",
		[OUTPUT_JSON] = "json",
		[OUTPUT_YAML] = "yaml",
		[OUTPUT_NAME] = "name",
	};

	for (unsigned int i = OUTPUT_WIDE; i <= OUTPUT_NAME; i++) {
		if (strcmp(name, names[i]))
			continue;
		*format = i;
		return true;
	}
	return false;
}

bool output_is_items(const struct output *out)
{
	return out->format >= OUTPUT_JSON;
}

/* The parts of a List around its items. */
static const struct style {
	const char *begin, *first, *next, *end, *empty;
	int indent;
} styles[] = {
	[OUTPUT_JSON] = { "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"List\",\n    \"items\": [", "\n        ",
			  ",\n        ", "\n    ]\n}\n", "]\n}\n", 2 * JSON_STEP },
	[OUTPUT_YAML] = { "apiVersion: v1\nitems:", "\n- ", "- ", "kind: List\n", " []\nkind: List\n", 2 },
};

void output_begin(struct output *out)
{
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	if (!out->single && out->format != OUTPUT_NAME)
		fputs(styles[out->format].begin, stdout);
}

/* Prints the lines of @text, each after @indent spaces, the first one after @first. */
static void print_lines(const char *text, int indent, const char *first)
{
	static const char spaces[] = "                ";
	const char *end;

	/* not printf: there may be a million lines */
	fputs(first, stdout);
	for (bool started = false; *text; text = end, started = true) {
		end = strchrnul(text, '\n');
		if (started && end != text)
			fwrite_unlocked(spaces, 1, indent, stdout);
		end += *end == '\n';
		fwrite_unlocked(text, 1, end - text, stdout);
	}
}

static void print_item(const struct output *out, const json_t *item)
{
	const struct style *style = &styles[out->format];
	bool json = out->format == OUTPUT_JSON;
	char *text = json ? json_dumps(item, JSON_INDENT(JSON_STEP)) : json_to_yaml(item);

	if (!text)
		abort();
	if (out->single)
		printf("%s%s", text, json ? "\n" : "");
	else
		print_lines(text, style->indent, out->count ? style->next : style->first);
	free(text);
}

void output_item(struct output *out, const char *name, json_t *item)
{
	if (out->format == OUTPUT_NAME)
		puts(name);
	else
		print_item(out, item);
	out->count++;
	json_decref(item);
}

void output_end(struct output *out)
{
	if (!out->single && out->format != OUTPUT_NAME)
		fputs(out->count ? styles[out->format].end : styles[out->format].empty, stdout);
}

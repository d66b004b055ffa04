// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON to YAML as kubectl prints it: block style, lists at their parent's indentation, quotes only
 * where a YAML 1.1 or 1.2 reader would take the text for something else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/text/tree.h"

/* One UTF-8 sequence of valid text; returns what follows it. */
static const char *next_char(const char *s, unsigned int *c)
{
	const unsigned char *u = (const unsigned char *)s;
	int more = *u < 0xc0 ? 0 : *u < 0xe0 ? 1 : *u < 0xf0 ? 2 : 3;

	*c = more == 0 ? *u : *u & (0x3f >> more);
	while (more--)
		*c = *c << 6 | (*++u & 0x3f);
	return (const char *)u + 1;
}

/* what no YAML reader takes as it is, or takes for a line's end */
static bool needs_escape(unsigned int c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       c == 0xfffe || c == 0xffff;
}

static bool any_escape(const char *s)
{
	unsigned int c;

	while (*s) {
		s = next_char(s, &c);
		if (needs_escape(c))
			return true;
	}
	return false;
}

/* 1:30 is 90 in YAML 1.1, 2025-08-02 a time */
static bool looks_like_time(const char *s)
{
	size_t n = strspn(s, "+-0123456789_");

	if (!n)
		return false;
	if (s[n] == ':' && !s[strspn(s, "+-0123456789_:.")] && !strstr(s, "::"))
		return true;
	n = strspn(s, "0123456789");
	return n == 4 && s[4] == '-' && strchr("0123456789", s[5]) && s[5];
}

static bool is_ambiguous(const char *s)
{
	return scalar_kind(s) != TREE_STRING || looks_like_time(s) || !strcmp(s, "=") ||
	       !strcmp(s, "<<");
}

static bool needs_quotes(const char *s)
{
	size_t length = strlen(s);

	if (strchr(",[]{}#&*!|>'\"%@` ", *s) || s[length - 1] == ' ' || s[length - 1] == ':')
		return true;
	if (strchr("-?:", *s) && (!s[1] || s[1] == ' ' || s[1] == '-'))
		return true;
	return strstr(s, ": ") || strstr(s, " #") || !strncmp(s, "...", 3);
}

/* A block scalar keeps lines as they are, but for what its reader would strip or not see. */
static bool fits_block(const char *s)
{
	unsigned int c;

	if (!strchr(s, '\n') || strchr(" \t\n", *s))
		return false;
	while (*s) {
		s = next_char(s, &c);
		if (c == '\n' && *s == ' ' && strchr("\n", s[strspn(s, " ")]))
			return false; /* a line of spaces, or an end of them */
		if (c != '\n' && needs_escape(c))
			return false;
	}
	return true;
}

static void put_double_quoted(FILE *out, const char *s)
{
	unsigned int c;

	putc('"', out);
	while (*s) {
		const char *next = next_char(s, &c);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			fprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (needs_escape(c))
			fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		else
			fwrite(s, 1, next - s, out);
		s = next;
	}
	putc('"', out);
}

static void put_single_quoted(FILE *out, const char *s)
{
	putc('\'', out);
	for (; *s; s++) {
		if (*s == '\'')
			putc('\'', out);
		putc(*s, out);
	}
	putc('\'', out);
}

static void put_block(FILE *out, const char *s, int indent)
{
	size_t length = strlen(s);

	fputs(s[length - 1] != '\n' ? "|-" : s[length - 2] == '\n' ? "|+" : "|", out);
	while (*s) {
		size_t line = strcspn(s, "\n");

		fprintf(out, "\n%*s%.*s", line ? indent : 0, "", (int)line, s);
		s += line + (s[line] == '\n');
	}
}

/* @block_indent: of the lines of a block scalar; 0: there can be none, as in a key. */
static void put_string(FILE *out, const char *s, int block_indent)
{
	if (block_indent && fits_block(s))
		put_block(out, s, block_indent);
	else if (is_ambiguous(s) || any_escape(s))
		put_double_quoted(out, s);
	else if (needs_quotes(s))
		put_single_quoted(out, s);
	else
		fputs(s, out);
}

static void put_scalar(FILE *out, const json_t *json, int block_indent)
{
	char *text;

	if (json_is_string(json)) {
		put_string(out, json_string_value(json), block_indent);
		return;
	}
	text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	fputs(text ? text : "null", out);
	free(text);
}

static bool is_block(const json_t *json)
{
	return (json_is_object(json) && json_object_size(json)) ||
	       (json_is_array(json) && json_array_size(json));
}

static void put_collection(FILE *out, const json_t *json, int indent, bool started);

/* What stands after "key:" or "- ", up to and with the end of its last line. */
static void put_value(FILE *out, const json_t *json, int indent)
{
	if (is_block(json)) {
		put_collection(out, json, indent, true);
		return;
	}
	put_scalar(out, json, indent);
	putc('\n', out);
}

/* @started: the first entry goes on in a line that "- " has begun and indented already. */
static void put_collection(FILE *out, const json_t *json, int indent, bool started)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(json, i, value) {
		fprintf(out, "%*s- ", started && !i ? 0 : indent, "");
		put_value(out, value, indent + 2);
	}
	json_object_foreach((json_t *)json, key, value) {
		fprintf(out, "%*s", started ? 0 : indent, "");
		started = false;
		put_string(out, key, 0);
		putc(':', out);
		if (is_block(value)) {
			putc('\n', out);
			put_collection(out, value, indent + (json_is_array(value) ? 0 : 2), false);
		} else {
			putc(' ', out);
			put_value(out, value, indent + 2);
		}
	}
}

char *json_to_yaml(const json_t *json)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	if (is_block(json))
		put_collection(out, json, 0, false);
	else
		put_value(out, json, 2);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

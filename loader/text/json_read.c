// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON to trees: RFC 8259, several documents after each other allowed. libyaml reads most JSON, but
 * not all of it: no surrogate pairs and no long keys.
 */
#include <errno.h>
#include <string.h>

#include "loader/text/yaml_build.h"

struct json_reader {
	struct documents *d;
	const char *at, *end;
	unsigned int line; /* of @at */
	unsigned int *error_line;
	struct error *e;
};

#define json_fail(r, ...) (*(r)->error_line = (r)->line, error_set((r)->e, -EINVAL, __VA_ARGS__))

static int read_value(struct json_reader *r, unsigned int depth, struct tree **tree);

/* Skips white space and returns the next character, 0 at the end. */
static char peek(struct json_reader *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '\n')
			r->line++;
		else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
			return *r->at;
	}
	return 0;
}

size_t utf8_length(const char *s, const char *end)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4;

	if (*u < 0x80)
		return 1;
	if (*u < 0xc2 || *u > 0xf4)
		return 0; /* no first byte */
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

static char *utf8_put(char *out, unsigned int c)
{
	if (c < 0x80) {
		*out++ = c;
	} else if (c < 0x800) {
		*out++ = 0xc0 | c >> 6;
		*out++ = 0x80 | (c & 0x3f);
	} else if (c < 0x10000) {
		*out++ = 0xe0 | c >> 12;
		*out++ = 0x80 | (c >> 6 & 0x3f);
		*out++ = 0x80 | (c & 0x3f);
	} else {
		*out++ = 0xf0 | c >> 18;
		*out++ = 0x80 | (c >> 12 & 0x3f);
		*out++ = 0x80 | (c >> 6 & 0x3f);
		*out++ = 0x80 | (c & 0x3f);
	}
	return out;
}

/* The four hexadecimal digits at @s, or -1. */
static int hex4(const char *s, const char *end)
{
	int value = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char *digits = "00112233445566778899aAbBcCdDeEfF";
		const char *digit = s[i] ? strchr(digits, s[i]) : NULL;

		if (!digit)
			return -1;
		value = value << 4 | (int)(digit - digits) >> 1;
	}
	return value;
}

/* \uXXXX at @at, two of them where they are a pair of surrogates */
static int read_unicode(struct json_reader *r, char **out)
{
	int c = hex4(r->at + 2, r->end), low = -1;

	if (c <= 0)
		return json_fail(r, c ? "\\u needs four hexadecimal digits"
				      : "a string has a NUL in it; remove it");
	r->at += 6;
	if (c >= 0xd800 && c < 0xe000) {
		if (r->end - r->at >= 6 && !memcmp(r->at, "\\u", 2))
			low = hex4(r->at + 2, r->end);
		if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
			return json_fail(r, "\\u%04x is half a character; write a surrogate pair",
					 c);
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		r->at += 6;
	}
	*out = utf8_put(*out, c);
	return 0;
}

static int read_escape(struct json_reader *r, char **out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (r->end - r->at < 2)
		return json_fail(r, "string without an end");
	if (r->at[1] == 'u')
		return read_unicode(r, out);
	name = r->at[1] ? strchr(names, r->at[1]) : NULL;
	if (!name)
		return json_fail(r, "not valid JSON: unknown escape");
	*(*out)++ = values[name - names];
	r->at += 2;
	return 0;
}

static int read_string(struct json_reader *r, struct tree **tree)
{
	const char *close = ++r->at;
	unsigned int line = r->line;
	char *buffer, *out;
	int err = 0;

	while (close < r->end && *close != '"')
		close += *close == '\\' && close + 1 < r->end ? 2 : 1;
	if (close >= r->end)
		return json_fail(r, "not valid JSON: string without an end");
	/* no escape is shorter than its value */
	buffer = out = arena_alloc(r->d, close - r->at + 1);
	while (!err && r->at < close) {
		size_t n = utf8_length(r->at, close);

		if (*r->at == '\\') {
			err = read_escape(r, &out);
		} else if (!n || (unsigned char)*r->at < 0x20) {
			err = json_fail(r, n ? "not valid JSON: control character in a string"
					     : "not valid UTF-8");
		} else {
			out = (char *)memcpy(out, r->at, n) + n;
			r->at += n;
		}
	}
	r->at = close + 1;
	*tree = tree_new(r->d, TREE_STRING, line);
	(*tree)->text = buffer; /* zeroed by the arena */
	(*tree)->weight = sizeof(**tree) + (out - buffer);
	return err;
}

/* TREE_INT or TREE_FLOAT by JSON's grammar, which is narrower than YAML's; TREE_NULL: neither */
static enum tree_kind number_kind(const char *s)
{
	static const char digits[] = "0123456789";
	enum tree_kind kind = TREE_INT;
	size_t n;

	s += *s == '-';
	n = strspn(s, digits);
	if (!n || (n > 1 && *s == '0'))
		return TREE_NULL;
	s += n;
	if (*s == '.') {
		kind = TREE_FLOAT;
		n = strspn(++s, digits);
		if (!n)
			return TREE_NULL;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		kind = TREE_FLOAT;
		s++;
		s += *s == '-' || *s == '+';
		n = strspn(s, digits);
		if (!n)
			return TREE_NULL;
		s += n;
	}
	return *s ? TREE_NULL : kind;
}

static int read_word(struct json_reader *r, struct tree **tree)
{
	const char *start = r->at, *text;

	while (r->at < r->end && *r->at && !strchr(" \t\r\n,:[]{}\"", *r->at))
		r->at++;
	*tree = tree_scalar(r->d, TREE_NULL, r->line, start, r->at - start);
	text = (*tree)->text;
	if (!strcmp(text, "null"))
		return 0;
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		(*tree)->kind = TREE_BOOL;
	else
		(*tree)->kind = number_kind(text);
	if ((*tree)->kind == TREE_NULL)
		return json_fail(r, "not valid JSON: \"%.40s\" is no value", text);
	return 0;
}

static int read_list(struct json_reader *r, unsigned int depth, struct tree **tree)
{
	struct growing items = {};
	struct tree *item;
	char c;
	int err;

	*tree = tree_new(r->d, TREE_LIST, r->line);
	r->at++;
	c = peek(r);
	while (c != ']') {
		err = read_value(r, depth, &item);
		if (err)
			return err;
		*(struct tree **)growing_add(r->d, &items, sizeof(item)) = item;
		c = peek(r);
		if (c != ',' && c != ']')
			return json_fail(r, "not valid JSON: expected a comma or ] in the list");
		r->at += c == ',';
		if (c == ',' && peek(r) == ']')
			return json_fail(r, "not valid JSON: comma before ]");
	}
	r->at++;
	tree_finish_list(*tree, &items);
	return 0;
}

static int read_pair(struct json_reader *r, unsigned int depth, struct growing *pairs)
{
	struct tree_pair pair = { .key_kind = TREE_STRING };
	struct tree *key;
	int err;

	if (peek(r) != '"')
		return json_fail(r, "not valid JSON: expected a key in quotes");
	pair.line = r->line;
	err = read_string(r, &key);
	if (err)
		return err;
	if (peek(r) != ':')
		return json_fail(r, "not valid JSON: expected a colon after the key");
	r->at++;
	err = read_value(r, depth, &pair.value);
	pair.key = key->text;
	if (!err)
		*(struct tree_pair *)growing_add(r->d, pairs, sizeof(pair)) = pair;
	return err;
}

static int read_map(struct json_reader *r, unsigned int depth, struct tree **tree)
{
	struct growing pairs = {};
	char c;
	int err;

	*tree = tree_new(r->d, TREE_MAP, r->line);
	r->at++;
	c = peek(r);
	while (c != '}') {
		err = read_pair(r, depth, &pairs);
		if (err)
			return err;
		c = peek(r);
		if (c != ',' && c != '}')
			return json_fail(r,
					 "not valid JSON: expected a comma or } after the value");
		r->at += c == ',';
		if (c == ',' && peek(r) == '}')
			return json_fail(r, "not valid JSON: comma before }");
	}
	r->at++;
	return tree_finish_map(r->d, *tree, &pairs, pairs.count, r->error_line, r->e);
}

static int read_value(struct json_reader *r, unsigned int depth, struct tree **tree)
{
	char c = peek(r);

	if (depth == TREE_DEPTH_MAX)
		return json_fail(r, "nested deeper than %d levels", TREE_DEPTH_MAX);
	switch (c) {
	case '{':
		return read_map(r, depth + 1, tree);
	case '[':
		return read_list(r, depth + 1, tree);
	case '"':
		return read_string(r, tree);
	default:
		return read_word(r, tree);
	}
}

int json_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e)
{
	struct json_reader r = { .d = d, .at = text, .end = text + length, .line = 1,
				 .error_line = line, .e = e };
	int err = 0;

	while (!err && (peek(&r) || r.at < r.end)) {
		struct tree *root;

		err = read_value(&r, 0, &root);
		if (!err)
			documents_add(d, root);
	}
	return err;
}

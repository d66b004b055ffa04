// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types of plain scalars by kubectl's rules, which are YAML 1.1's plus 0o: a text that kubectl
 * would not read as a string must be quoted here too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "loader/text/places.h"

#define DIGITS "0123456789"

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

bool scalar_true(const char *text)
{
	static const char *const words[] = { "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE",
					     "on", "On", "ON", NULL };

	return one_of(text, words);
}

static bool scalar_false(const char *text)
{
	static const char *const words[] = { "n", "N", "no", "No", "NO", "false", "False", "FALSE",
					     "off", "Off", "OFF", NULL };

	return one_of(text, words);
}

static bool scalar_null(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return one_of(text, words);
}

/* [-+]? ( \. digits | digits ( \. digits? )? ) ( [eE] [-+]? digits )? */
static bool is_decimal(const char *s)
{
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, DIGITS);
	s += whole;
	if (*s == '.') {
		part = strspn(++s, DIGITS);
		s += part;
	}
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		if (!strspn(s, DIGITS))
			return false;
		s += strspn(s, DIGITS);
	}
	return !*s;
}

/* Copies a number without its underscores; false if it does not look like a number. */
static bool number_text(const char *text, char *out, size_t size)
{
	size_t n = 0;

	if (!*text || !strchr("+-." DIGITS, *text))
		return false;
	for (; *text; text++) {
		if (*text == '_')
			continue;
		if (n == size - 1)
			return false;
		out[n++] = *text;
	}
	out[n] = 0;
	return true;
}

int scalar_int(const char *text, long long *value)
{
	char number[72], *s = number, *end;
	unsigned long long n;
	bool negative;
	int base = 10;

	if (!number_text(text, number, sizeof(number)))
		return -ERANGE;
	negative = *s == '-';
	s += *s == '-' || *s == '+';
	if (s[0] == '0' && s[1]) {
		base = strchr("xX", s[1]) ? 16 : strchr("bB", s[1]) ? 2 : 8;
		s += strchr("xXbBoO", s[1]) ? 2 : 1;
	}
	if (!strchr(DIGITS "abcdefABCDEF", *s) || !*s)
		return -ERANGE;
	errno = 0;
	n = strtoull(s, &end, base);
	if (errno || *end || n > (unsigned long long)__LONG_LONG_MAX__)
		return -ERANGE;
	*value = negative ? -(long long)n : (long long)n;
	return 0;
}

static bool scalar_float(const char *text)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
					     "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN",
					     NULL };
	char number[72];

	if (one_of(text, words))
		return true;
	/* A text too long for the buffer keeps its underscores. */
	return is_decimal(number_text(text, number, sizeof(number)) ? number : text);
}

enum scalar_kind scalar_kind(const char *text)
{
	long long n;

	if (scalar_null(text))
		return SCALAR_NULL;
	if (scalar_true(text) || scalar_false(text))
		return SCALAR_BOOL;
	if (!scalar_int(text, &n))
		return SCALAR_INT;
	return scalar_float(text) ? SCALAR_FLOAT : SCALAR_STRING;
}

int scalar_tagged(const char *tag, const char *text, enum scalar_kind *kind)
{
	static const struct {
		const char *tag;
		enum scalar_kind kind;
	} tags[] = {
		{ YAML_NULL_TAG, SCALAR_NULL }, { YAML_BOOL_TAG, SCALAR_BOOL },
		{ YAML_INT_TAG, SCALAR_INT }, { YAML_FLOAT_TAG, SCALAR_FLOAT },
	};

	*kind = SCALAR_STRING;
	if (!strcmp(tag, YAML_STR_TAG) || !strcmp(tag, "!"))
		return 0;
	*kind = SCALAR_FLOAT;
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		if (strcmp(tag, tags[i].tag))
			continue;
		*kind = tags[i].kind;
		return scalar_kind(text) == *kind ||
		       (*kind == SCALAR_FLOAT && scalar_kind(text) == SCALAR_INT) ? 0 : -EINVAL;
	}
	return 0;
}

json_t *scalar_json(enum scalar_kind kind, const char *text, size_t length)
{
	long long n = 0;

	switch (kind) {
	case SCALAR_NULL:
		return json_null();
	case SCALAR_BOOL:
		return json_boolean(scalar_true(text));
	case SCALAR_INT:
		scalar_int(text, &n);
		return json_integer(n);
	case SCALAR_FLOAT:
		return json_real(strtod(text, NULL)) ?: json_real(0);
	default:
		return json_stringn_nocheck(text, length);
	}
}

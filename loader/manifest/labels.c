// SPDX-License-Identifier: GPL-2.0-only
/* Names, labels and label selectors, checked as Kubernetes' API server does. */
#include <errno.h>
#include <string.h>

#include "loader/manifest/schema.h"

#define ALNUM_LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM ALNUM_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LABEL_MAX 63

/* Only characters of @inner, and of @outer at both ends; not empty. */
static bool is_word(const char *text, size_t length, const char *outer, const char *inner)
{
	return length && memchr(outer, text[0], strlen(outer)) &&
	       memchr(outer, text[length - 1], strlen(outer)) && strspn(text, inner) >= length;
}

bool name_is_subdomain(const char *name, size_t length)
{
	if (!length || length > PP_NAME - 3)
		return false;
	for (const char *end = name + length;;) {
		size_t label = 0;

		while (name + label < end && name[label] != '.')
			label++;
		if (!is_word(name, label, ALNUM_LOWER, ALNUM_LOWER "-"))
			return false;
		name += label;
		if (name == end)
			return true;
		name++;
	}
}

bool name_is_label(const char *name)
{
	size_t length = strlen(name);

	return length <= LABEL_MAX && is_word(name, length, ALNUM_LOWER, ALNUM_LOWER "-");
}

static bool is_label_name(const char *name)
{
	size_t length = strlen(name);

	return length <= LABEL_MAX && is_word(name, length, ALNUM, ALNUM "-_.");
}

int check_label_key(struct reader *r, unsigned int line, const char *key)
{
	const char *slash = strchr(key, '/');

	if (is_label_name(slash ? slash + 1 : key) &&
	    (!slash || name_is_subdomain(key, slash - key)))
		return 0;
	return reader_error(r, line,
			    "not a valid key; write name or domain/name, the name of at most 63 letters, digits, -, _ and .");
}

static int check_label_value(struct reader *r, const json_t *json, const struct place *at)
{
	const char *text = json_string_value(json);

	if (!*text || is_label_name(text))
		return 0;
	return reader_error(r, at->line,
			    "invalid label value \"%.80s\"; use at most 63 letters, digits, -, _ and .",
			    text);
}

int check_data_key(struct reader *r, unsigned int line, const char *key)
{
	size_t length = strlen(key);

	if (length && length < PP_NAME - 2 && strspn(key, ALNUM "-_.") == length)
		return 0;
	return reader_error(r, line,
			    "not a valid key; use at most 253 letters, digits, -, _ and .");
}

static int check_key(struct reader *r, const json_t *json, const struct place *at)
{
	return check_label_key(r, at->line, json_string_value(json));
}

static int check_operator(struct reader *r, const json_t *json, const struct place *at)
{
	const char *text = json_string_value(json);

	if (!strcmp(text, "In") || !strcmp(text, "NotIn") || !strcmp(text, "Exists") ||
	    !strcmp(text, "DoesNotExist"))
		return 0;
	return reader_error(r, at->line,
			    "\"%.80s\" is unknown; use In, NotIn, Exists or DoesNotExist", text);
}

static int check_expression(struct reader *r, const json_t *json, const struct place *at)
{
	const json_t *values = json_get(json, "values");
	const char *operator = json_string_value(json_get(json, "operator"));
	bool needed = operator[strlen(operator) - 1] == 'n'; /* In, NotIn */

	if (needed == !!json_array_size(values))
		return 0;
	return reader_error(r, values ? field_place(r, json, "values")->line : at->line,
			    needed ? "%s needs values; add at least one" :
				     "%s takes no values; remove them", operator);
}

static const struct schema key = { .type = SCHEMA_STRING, .check = check_key };
static const struct schema operator = { .type = SCHEMA_STRING, .check = check_operator };
static const struct schema value = { .type = SCHEMA_STRING, .check = check_label_value };
static const struct schema values = { .type = SCHEMA_LIST, .item = &value };
static const struct schema_field expression_fields[] = {
	{ "key", &key, true }, { "operator", &operator, true }, { "values", &values, false }, {},
};
static const struct schema expression = { .type = SCHEMA_OBJECT, .fields = expression_fields,
					  .check = check_expression };
static const struct schema expressions = { .type = SCHEMA_LIST, .item = &expression };
const struct schema schema_labels = { .type = SCHEMA_STRINGS, .check = check_label_value,
				      .check_key = check_label_key };
static const struct schema_field selector_fields[] = {
	{ "matchLabels", &schema_labels, false }, { "matchExpressions", &expressions, false }, {},
};

const struct schema schema_label_selector = { .type = SCHEMA_OBJECT, .fields = selector_fields };

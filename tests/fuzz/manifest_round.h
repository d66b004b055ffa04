/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether JSON comes back from the YAML that was made of it; for the unit test and the fuzzer. */
#ifndef PP_MANIFEST_ROUND_H
#define PP_MANIFEST_ROUND_H

#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/text/tree.h"

static inline bool tree_equals(const struct tree *tree, const json_t *json)
{
	const char *key;
	json_t *value;
	long long n;
	size_t i;

	switch (json_typeof(json)) {
	case JSON_OBJECT:
		json_object_foreach((json_t *)json, key, value) {
			const struct tree *found = tree_get(tree, key);

			if (found ? !tree_equals(found, value) : !json_is_null(value))
				return false;
		}
		return tree->kind == TREE_MAP && tree->count == json_object_size(json);
	case JSON_ARRAY:
		if (tree->kind != TREE_LIST || tree->count != json_array_size(json))
			return false;
		json_array_foreach(json, i, value)
			if (!tree_equals(tree->items[i], value))
				return false;
		return true;
	case JSON_STRING:
		return tree->kind == TREE_STRING && !strcmp(tree->text, json_string_value(json));
	case JSON_INTEGER:
		return tree->kind == TREE_INT && !scalar_int(tree->text, &n) &&
		       n == json_integer_value(json);
	case JSON_REAL:
		return tree->kind == TREE_FLOAT &&
		       strtod(tree->text, NULL) == json_real_value(json);
	case JSON_NULL:
		return tree->kind == TREE_NULL;
	default:
		return tree->kind == TREE_BOOL && scalar_true(tree->text) == json_is_true(json);
	}
}

/* json_to_yaml() and back; @json must not be null. */
static inline bool yaml_round_trips(const json_t *json)
{
	char *yaml = json_to_yaml(json);
	struct documents d = {};
	unsigned int line;
	bool same;

	same = yaml && !documents_parse(yaml, strlen(yaml), &d, &line, NULL) && d.count == 1 &&
	       tree_equals(d.roots[0], json);
	documents_free(&d);
	free(yaml);
	return same;
}

/* Whether @text is one object whose normalized text is @wanted. */
static inline bool normalizes_to(const char *text, const char *wanted)
{
	struct manifest m = {};
	char *again = NULL;
	bool same;

	same = !manifest_parse("again", text, strlen(text), &m, NULL) && m.count == 1 &&
	       m.objects[0].json;
	if (same) {
		again = object_text(m.objects[0].json);
		same = !strcmp(again, wanted);
	}
	free(again);
	manifest_free(&m);
	return same;
}

#endif

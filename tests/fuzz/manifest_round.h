/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether JSON comes back from the YAML that was made of it; for the unit test and the fuzzer. */
#ifndef PP_MANIFEST_ROUND_H
#define PP_MANIFEST_ROUND_H

#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/text/text.h"

/* As json_equal(), but a null member counts as absent. */
static inline bool same_value(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)b, key, value) {
		const json_t *found = json_object_get(a, key);

		if (found ? !same_value(found, value) : !json_is_null(value))
			return false;
	}
	json_array_foreach(b, i, value)
		if (!same_value(json_array_get(a, i), value))
			return false;
	if (json_is_object(b) || json_is_array(b))
		return a && json_typeof(a) == json_typeof(b) &&
		       json_object_size(a) == json_object_size(b) &&
		       json_array_size(a) == json_array_size(b);
	return json_equal(a, b);
}

/* json_to_yaml() and back; @json must not be null. */
static inline bool yaml_round_trips(const json_t *json)
{
	char *yaml = json_to_yaml(json);
	struct documents d = {};
	unsigned int line;
	bool same;

	same = !documents_parse(yaml, strlen(yaml), &d, &line, NULL) && d.count == 1 &&
	       same_value(d.list[0].root, json);
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

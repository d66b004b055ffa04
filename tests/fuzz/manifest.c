// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manifests under libFuzzer: any text is either refused with a sentence and nothing taken, or its
 * objects are the same when their normalized text, as JSON and as YAML, is read again. Any JSON,
 * and any text as a string in it, comes back from json_to_yaml().
 */
#include <stdint.h>

#include "tests/fuzz/manifest_round.h"

#define KEY_MAX 200 /* a YAML key of one line has at most 1,024 characters, some of them escaped */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_object(const json_t *json)
{
	char *text = object_text(json), *yaml = json_to_yaml(json);

	if (!normalizes_to(text, text) || !normalizes_to(yaml, text))
		abort();
	if (!yaml_round_trips(json))
		abort();
	free(yaml);
	free(text);
}

static void check_manifest(const char *data, size_t size)
{
	struct manifest m = {};
	struct error e = {};
	int err = manifest_parse("input", data, size, &m, &e);

	if (err && (!*e.text || m.count || m.warning_count))
		abort();
	for (size_t i = 0; i < m.count; i++) {
		if (!m.objects[i].where || !m.objects[i].json != !m.objects[i].kind)
			abort();
		if (m.objects[i].json)
			check_object(m.objects[i].json);
	}
	manifest_free(&m);
}

static bool keys_fit(const json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)json, key, value)
		if (strlen(key) > KEY_MAX || !keys_fit(value))
			return false;
	json_array_foreach(json, i, value)
		if (!keys_fit(value))
			return false;
	return true;
}

static void check_emitter(const char *data, size_t size)
{
	char *text = strndup(data, size);
	json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	json_t *string = json_string(text);

	/* jansson nests deeper than manifests may */
	if (json && json_is_object(json) && size < TEXT_DEPTH_MAX * 2 && keys_fit(json) &&
	    !yaml_round_trips(json))
		abort();
	if (string) {
		json_t *pack = json_pack("{s:O, s:[O, [O], {s:O}]}", "k", string, "l", string,
					 string, "m", string);

		if (strlen(text) <= KEY_MAX)
			json_object_set(pack, text, string);
		if (!yaml_round_trips(pack))
			abort();
		json_decref(pack);
	}
	json_decref(string);
	json_decref(json);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_manifest((const char *)data, size);
	check_emitter((const char *)data, size);
	return 0;
}

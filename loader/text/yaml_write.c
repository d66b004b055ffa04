// SPDX-License-Identifier: GPL-2.0-only
/*
 * YAML by libyaml's emitter, as kubectl prints it: block style, quotes only for text that a YAML
 * 1.1 or 1.2 reader would not read as a string.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "loader/text/text.h"

/* 1:30 is 90 in YAML 1.1, 2025-08-02 a time. */
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
	return scalar_kind(s) != SCALAR_STRING || looks_like_time(s) || !strcmp(s, "=") ||
	       !strcmp(s, "<<");
}

/* A control character, or a line break other than \n: only double quotes preserve them. */
static bool has_control(const char *s)
{
	for (const unsigned char *u = (const unsigned char *)s; *u; u++)
		if ((*u < 0x20 && *u != '\n') || *u == 0x7f || (*u == 0xc2 && u[1] < 0xa0) ||
		    (*u == 0xe2 && u[1] == 0x80 && (u[2] & 0xfe) == 0xa8))
			return true;
	return false;
}

/* A block scalar preserves lines, except spaces and line breaks at its ends. */
static bool fits_block(const char *s)
{
	size_t length = strlen(s);

	return strchr(s, '\n') && !strchr(" \t\n", *s) && !has_control(s) &&
	       (s[length - 1] != '\n' || s[length - 2] != '\n');
}

/* libyaml itself replaces plain by single quotes, and literal by double quotes, if necessary. */
static yaml_scalar_style_t style_of(const char *s, bool key)
{
	if (!key && fits_block(s))
		return YAML_LITERAL_SCALAR_STYLE;
	if (strchr(s, '\n') || has_control(s) || is_ambiguous(s))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE;
}

static bool emit_text(yaml_emitter_t *out, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, strlen(text),
					    1, 1, style) &&
	       yaml_emitter_emit(out, &event);
}

static bool emit_scalar(yaml_emitter_t *out, const json_t *json)
{
	const char *string = json_string_value(json);
	char *text;
	bool done;

	if (string)
		return emit_text(out, string, style_of(string, false));
	text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	done = text && emit_text(out, text, YAML_PLAIN_SCALAR_STYLE);
	free(text);
	return done;
}

static bool emit(yaml_emitter_t *out, const json_t *json)
{
	yaml_event_t event;
	const char *key;
	json_t *value;
	bool done;
	size_t i;

	if (json_is_array(json)) {
		done = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							    YAML_BLOCK_SEQUENCE_STYLE) &&
		       yaml_emitter_emit(out, &event);
		json_array_foreach(json, i, value)
			done = done && emit(out, value);
		return done && yaml_sequence_end_event_initialize(&event) &&
		       yaml_emitter_emit(out, &event);
	}
	if (!json_is_object(json))
		return emit_scalar(out, json);
	done = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) &&
	       yaml_emitter_emit(out, &event);
	json_object_foreach((json_t *)json, key, value)
		done = done && emit_text(out, key, style_of(key, true)) && emit(out, value);
	return done && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(out, &event);
}

static bool emit_document(yaml_emitter_t *out, const json_t *json)
{
	yaml_event_t event;

	return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
	       yaml_emitter_emit(out, &event) &&
	       yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
	       yaml_emitter_emit(out, &event) && emit(out, json) &&
	       yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(out, &event) &&
	       yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(out, &event);
}

char *json_to_yaml(const json_t *json)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	yaml_emitter_t out;
	bool done;

	if (!file || !yaml_emitter_initialize(&out))
		abort();
	yaml_emitter_set_output_file(&out, file);
	yaml_emitter_set_unicode(&out, 1);
	yaml_emitter_set_width(&out, -1);
	done = emit_document(&out, json);
	yaml_emitter_delete(&out);
	if (fclose(file) || !done)
		abort();
	return text;
}

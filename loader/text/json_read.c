// SPDX-License-Identifier: GPL-2.0-only
/* JSON text by jansson: RFC 8259, one or several documents in sequence. */
#include <errno.h>
#include <string.h>

#include "loader/text/places.h"

static unsigned int lines_in(const char *from, const char *to)
{
	unsigned int lines = 0;

	for (; from < to; from++)
		lines += *from == '\n';
	return lines;
}

static int json_failed(const json_error_t *reason, struct error *e)
{
	switch (json_error_code(reason)) {
	case json_error_null_character:
		return error_set(e, -EINVAL, "a string has a NUL in it; remove it");
	case json_error_stack_overflow:
		return error_set(e, -EINVAL, "nested deeper than %d levels", TEXT_DEPTH_MAX);
	default:
		return error_set(e, -EINVAL, "not valid JSON: %s", reason->text);
	}
}

int json_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e)
{
	const char *at = text, *end = text + length;
	json_error_t reason;

	*line = 1;
	for (;;) {
		struct place place;
		json_t *json;

		for (; at < end && strchr(" \t\r\n", *at); at++)
			*line += *at == '\n';
		if (at == end)
			return 0;
		json = json_loadb(at, end - at, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK,
				  &reason);
		if (!json) {
			*line += reason.line > 0 ? reason.line - 1 : 0;
			return json_failed(&reason, e);
		}
		place = (struct place){ .line = *line, .key_line = *line };
		documents_add(d, json, &place);
		*line += lines_in(at, at + reason.position);
		at += reason.position;
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* Lines from pieces. A line that is complete within its piece is never copied. */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/lines.h"

#define KEEP_BYTES (64u << 10) /* more is given back after a line */

bool lines_append(struct lines *lines, const char *data, size_t length)
{
	size_t need = lines->length + length;

	if (length > LINE_MAX_BYTES || need > LINE_MAX_BYTES)
		return false;
	if (need > lines->room) {
		lines->room = need < 4096 ? 4096 : need + need / 2;
		lines->text = xrealloc(lines->text, lines->room);
	}
	if (length)
		memcpy(lines->text + lines->length, data, length);
	lines->length = need;
	return true;
}

void lines_free(struct lines *lines)
{
	free(lines->text);
	*lines = (struct lines){};
}

bool lines_add(struct lines *lines, const char *data, size_t length,
	       bool (*line)(void *arg, const char *text, size_t length), void *arg)
{
	const char *newline;
	bool go_on = true;

	for (; go_on && (newline = memchr(data, '\n', length)); data = newline + 1) {
		size_t n = (size_t)(newline - data);

		length -= n + 1;
		if (lines->length) {
			if (!lines_append(lines, data, n))
				return false;
			n = lines->length;
			lines->length = 0;
			go_on = line(arg, lines->text, n);
			if (lines->room > KEEP_BYTES)
				lines_free(lines);
		} else if (n > LINE_MAX_BYTES) {
			return false;
		} else if (n) {
			go_on = line(arg, data, n);
		}
	}
	return !go_on || lines_append(lines, data, length);
}

json_t *line_json(const char *text, size_t length)
{
	json_t *json = json_loadb(text, length, JSON_ALLOW_NUL, NULL);

	/* One object with an odd number must not stop the others. */
	return json ? json : json_loadb(text, length, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

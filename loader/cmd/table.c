// SPDX-License-Identifier: GPL-2.0-only
/* A table's cells kept until the widest of each column is known. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/map.h"
#include "loader/cmd/table.h"

#define COLUMN_GAP 3

static void append(struct table *t, char *text)
{
	if (t->cells == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cell = xrealloc(t->cell, t->room * sizeof(*t->cell));
	}
	t->cell[t->cells++] = text;
}

void table_init(struct table *t, const char *header)
{
	char *copy = xstrdup(header), *rest = copy, *word;

	*t = (struct table){};
	while ((word = strsep(&rest, " ")))
		append(t, xstrdup(word));
	t->columns = t->cells;
	free(copy);
}

void table_add(struct table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (!*text) {
		free(text);
		text = xstrdup("<none>");
	}
	append(t, text);
}

/* Bytes that continue a character take no place on the screen. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void table_write(struct table *t, FILE *out)
{
	int *widest = xcalloc(t->columns, sizeof(*widest));

	for (size_t i = 0; i < t->cells; i++) {
		int width = width_of(t->cell[i]);

		if (width > widest[i % t->columns])
			widest[i % t->columns] = width;
	}
	for (size_t i = 0; i < t->cells; i++) {
		bool last = i % t->columns == t->columns - 1;
		int pad = widest[i % t->columns] - width_of(t->cell[i]) + COLUMN_GAP;

		fprintf(out, "%s%*s", t->cell[i], last ? 0 : pad, "");
		if (last)
			putc('\n', out);
		free(t->cell[i]);
	}
	free(widest);
	free(t->cell);
	*t = (struct table){};
}

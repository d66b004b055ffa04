// SPDX-License-Identifier: GPL-2.0-only
/* Lines from pieces, and the names of a collection. */
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/lines.h"
#include "loader/kube/names.h"
#include "tests/lib/tap.h"

static char got[256];
static unsigned int lines_left;
static size_t longest;

static bool on_line(void *arg, const char *text, size_t length)
{
	(void)arg;
	longest = length > longest ? length : longest;
	if (length < 32)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%.*s]", (int)length, text);
	return --lines_left;
}

/* Gives @text in pieces of @piece bytes; the result of the last. */
static bool give(struct lines *lines, const char *text, size_t piece)
{
	size_t left = strlen(text);
	bool fine = true;

	*got = 0;
	lines_left = 1000;
	for (; left && fine; text += piece, left -= piece) {
		piece = piece < left ? piece : left;
		fine = lines_add(lines, text, piece, on_line, NULL);
	}
	return fine;
}

static void test_pieces(void)
{
	for (size_t piece = 1; piece < 14; piece++) {
		struct lines lines = {};

		ok(give(&lines, "one\n\ntwo\nthree\nfo", piece) && !strcmp(got, "[one][two][three]") && lines.length == 2,
		   "pieces of %zu bytes", piece);
		ok(give(&lines, "ur\n", piece) && !strcmp(got, "[four]") && !lines.length, "the rest");
		lines_free(&lines);
	}
}

static void test_stop(void)
{
	struct lines lines = {};

	*got = 0;
	lines_left = 2;
	ok(lines_add(&lines, "a\nb\nc\n", 6, on_line, NULL) && !strcmp(got, "[a][b]"), "no line after the user has enough");
	lines_free(&lines);
}

static void test_limit(void)
{
	struct lines lines = {};
	char *long_line = xmalloc(LINE_MAX_BYTES + 2);

	memset(long_line, 'x', LINE_MAX_BYTES + 2);
	longest = 0;
	lines_left = 1000;
	long_line[LINE_MAX_BYTES] = '\n';
	ok(lines_add(&lines, long_line, LINE_MAX_BYTES + 1, on_line, NULL) && longest == LINE_MAX_BYTES, "4 MiB in one piece");
	longest = 0;
	ok(lines_add(&lines, long_line, LINE_MAX_BYTES, on_line, NULL) && lines_add(&lines, "\n", 1, on_line, NULL) &&
	   longest == LINE_MAX_BYTES, "4 MiB in two");
	ok(lines.room < LINE_MAX_BYTES, "its memory is given back");
	ok(lines_add(&lines, long_line, LINE_MAX_BYTES, on_line, NULL) && !lines_add(&lines, "x", 1, on_line, NULL),
	   "a byte more is refused");
	lines_free(&lines);
	long_line[LINE_MAX_BYTES] = 'x';
	long_line[LINE_MAX_BYTES + 1] = '\n';
	ok(!lines_add(&lines, long_line, LINE_MAX_BYTES + 2, on_line, NULL), "also in one piece");
	lines_free(&lines);
	free(long_line);
}

static void on_gone(void *arg, const char *namespace, const char *name)
{
	(void)arg;
	snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%s/%s]", namespace, name);
}

static void test_names(void)
{
	struct names names = {};

	names_put(&names, "", "a");
	names_put(&names, "x", "a");
	names_put(&names, "y", "a");
	names_put(&names, "x", "a");
	ok(json_object_size(names.rounds) == 3, "a name in no namespace and in two");
	ok(names_remove(&names, "y", "a") && !names_remove(&names, "y", "a") && json_object_size(names.rounds) == 2, "removed once");
	ok(!names_remove(&names, "xa", ""), "namespace and name do not run into each other");
	names_begin(&names);
	names_put(&names, "x", "a");
	names_put(&names, "x", "b");
	*got = 0;
	names_sweep(&names, on_gone, NULL);
	ok(!strcmp(got, "[/a]") && json_object_size(names.rounds) == 2, "what was not put again is swept: %s", got);
	names_sweep(&names, on_gone, NULL);
	ok(!strcmp(got, "[/a]"), "once");
	json_decref(names.rounds);
}

static void test_many_names(void)
{
	struct names names = {};
	char name[32];

	for (int round = 0; round < 2; round++) {
		names_begin(&names);
		for (int i = 0; i < 20000 >> round; i++) {
			snprintf(name, sizeof(name), "n%d", i);
			names_put(&names, "", name);
		}
	}
	*got = 0;
	names_sweep(&names, on_gone, NULL);
	ok(json_object_size(names.rounds) == 10000, "10,000 of 20,000 names are swept");
	json_decref(names.rounds);
}

int main(void)
{
	test_pieces();
	test_stop();
	test_limit();
	test_names();
	test_many_names();
	return tap_done();
}

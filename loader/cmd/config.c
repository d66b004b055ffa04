// SPDX-License-Identifier: GPL-2.0-only
/* pinpool config view: the effective options, like `cilium config view`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/kernel/map.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_sorted(json_t *effective)
{
	const char **names = xcalloc(json_object_size(effective), sizeof(*names)), *name;
	size_t count = 0, width = 0;
	json_t *value;

	json_object_foreach(effective, name, value) {
		names[count++] = name;
		width = strlen(name) > width ? strlen(name) : width;
	}
	if (count)
		qsort(names, count, sizeof(*names), by_text);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_object_get(effective, names[i]));

		printf("%-*s %s\n", text[0] ? (int)width + 1 : 0, names[i], text);
	}
	free(names);
}

int cmd_config(const struct globals *g, int argc, char **argv)
{
	json_t *effective;
	struct node node;
	struct error e;

	if (argc != 2 || strcmp(argv[1], "view"))
		return usage_error("config", "expects \"view\"");
	if (!open_node(&node, g, ROOT_UNLOCKED, false))
		return EXIT_FAILED;
	effective = node_effective(&node, &e);
	node_close(&node);
	if (!effective)
		return fail(&e);
	print_sorted(effective);
	json_decref(effective);
	return EXIT_DONE;
}

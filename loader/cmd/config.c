// SPDX-License-Identifier: GPL-2.0-only
/* pinpool config view: the effective options, like `cilium config view`. */
#include <errno.h>
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

static int run(struct call *c, struct error *e)
{
	json_t *effective = context_effective(&c->node, e);

	if (!effective)
		return -EIO;
	print_sorted(effective);
	json_decref(effective);
	return 0;
}

const struct command command_config = {
	.name = "config", .keyword = "view", .help = "effective options", .needs = NEEDS_NODE, .run = run,
};

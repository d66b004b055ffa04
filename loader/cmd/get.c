// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get: entries of a kind chosen, sorted, and printed as rows or as items, one at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/cmd/get.h"

static const struct get_kind *const kinds[] = {
	&get_pools, &get_nodes, &get_blocks, &get_pods, &get_routes, &get_flows,
	&get_configmaps, &get_nodeconfigs, &get_namespaces, &get_services, &get_slices, &get_backends, NULL,
};

#define KINDS \
	"pools, nodes, blocks, pods, routes, flows, services, backends, endpointslices, configmaps, nodeconfigs or namespaces"

static const struct get_kind *kind_find(const char *name)
{
	enum object_kind object = kind_by_name(name);

	for (const struct get_kind *const *k = kinds; *k; k++) {
		size_t length = strlen((*k)->name);

		if (!strncmp(name, (*k)->name, length) && (!name[length] || !strcmp(name + length, "s")))
			return *k;
		if (object != OBJECT_NONE && object == (*k)->object)
			return *k;
	}
	return NULL;
}

bool get_is_table(const struct get *get)
{
	return !output_is_items(&get->out);
}

json_t *kubectl_object(const struct get *get, json_t *object, uint64_t created)
{
	json_t *sorted;
	char time[32];

	json_object_set_new(json_object_get(object, "metadata"), "creationTimestamp",
			    json_string(time_text(created, time)));
	if (get_is_table(get))
		return object;
	sorted = json_sorted(object);
	json_decref(object);
	return sorted;
}

static void print_table(struct get *get, const void **entries, size_t count)
{
	struct table table = { .columns = get->kind->columns, .wide = get->out.format == OUTPUT_WIDE };

	for (size_t i = 0; i < count; i++)
		table_add(&table, get->kind->item(get, entries[i]));
	table_print(&table);
}

static void print_items(struct get *get, const void **entries, size_t count)
{
	char name[COLUMN_TEXT], text[COLUMN_TEXT + 32];

	output_begin(&get->out);
	for (size_t i = 0; i < count; i++) {
		json_t *item = get->kind->item(get, entries[i]);

		column_text(item, get->kind->name_path, name);
		snprintf(text, sizeof(text), "%s/%s", get->kind->name, name);
		output_item(&get->out, text, item);
	}
	output_end(&get->out);
}

static int by_kind(const void *a, const void *b, void *get)
{
	const struct get *g = get;

	return g->kind->order(*(const void *const *)a, *(const void *const *)b, g);
}

static int print(struct get *get, struct error *e)
{
	const void **entries = xcalloc(get->count, sizeof(*entries));
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < get->count; i++) {
		const void *entry = (const char *)get->list + i * get->kind->size;

		if (!get->name || get->kind->is_named(get, entry))
			entries[count++] = entry;
	}
	if (get->kind->order)
		qsort_r(entries, count, sizeof(*entries), by_kind, get);
	get->out.single = get->name && count == 1;
	if (get->name && !count)
		err = error_set(e, -ENOENT, "%s \"%s\": not found", get->kind->name, get->name);
	else if (!get_is_table(get))
		print_items(get, entries, count);
	else if (count)
		print_table(get, entries, count);
	else
		fputs("No resources found\n", stderr);
	free(entries);
	return err;
}

static int prepare(struct call *c, struct error *e)
{
	const struct texts *words = &c->args.words;
	struct get *get = c->data;

	(void)e;
	if (c->args.output && !output_format_by_name(c->args.output, &get->out.format))
		return usage_error(c, "unknown output \"%s\": wide, json, yaml or name", c->args.output);
	if (!words->count)
		return usage_error(c, "a kind is missing: " KINDS);
	get->kind = kind_find(words->list[0]);
	if (!get->kind)
		return usage_error(c, "unknown kind \"%s\": " KINDS, words->list[0]);
	get->name = words->count > 1 ? words->list[1] : NULL;
	c->needs |= get->kind->interfaces ? NEEDS_INTERFACES : 0;
	return 0;
}

static int run(struct call *c, struct error *e)
{
	struct get *get = c->data;
	int err;

	get->node = &c->node;
	get->nl = c->nl;
	err = get->kind->read(get, e);
	if (!err)
		err = print(get, e);
	if (get->kind->free)
		get->kind->free(get);
	else
		free(get->list);
	state_free(&get->state);
	return err;
}

const struct command command_get = {
	.name = "get", .help = "list pools, nodes, blocks, pods, routes, flows or services",
	.words = "KIND [NAME]", .words_max = 2,
	.options = OPTIONS({ "output", 'o', "wide|json|yaml", ARGUMENT(output), 0 }),
	.needs = NEEDS_NODE, .data_size = sizeof(struct get), .prepare = prepare, .run = run,
};

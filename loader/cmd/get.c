// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get: what there is, as rows or as items. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/get.h"

static const struct get_kind {
	const char *singular, *plural;
	int (*fn)(struct get *get, struct error *e);
	enum object_kind object; /* its other names are those of kind_by_name() */
	bool interfaces; /* looks at the network namespace */
} kinds[] = {
	{ "pool", "pools", get_pools, OBJECT_POOL, false },
	{ "node", "nodes", get_nodes, OBJECT_NODE, false },
	{ "block", "blocks", get_blocks, OBJECT_NONE, false },
	{ "pod", "pods", get_pods, OBJECT_NONE, false },
	{ "route", "routes", get_routes, OBJECT_NONE, true },
	{ "flow", "flows", get_flows, OBJECT_NONE, false },
	{ "configmap", "configmaps", get_objects, OBJECT_CONFIGMAP, false },
	{ "nodeconfig", "nodeconfigs", get_objects, OBJECT_NODECONFIG, false },
	{ "namespace", "namespaces", get_objects, OBJECT_NAMESPACE, false },
	{},
};

static const struct get_kind *kind_find(const char *name)
{
	enum object_kind object = kind_by_name(name);

	for (const struct get_kind *k = kinds; k->singular; k++)
		if (!strcmp(name, k->singular) || !strcmp(name, k->plural) ||
		    (object != OBJECT_NONE && object == k->object))
			return k;
	return NULL;
}

int get_begin(struct get *get, size_t matches, struct error *e)
{
	if (get->name && !matches)
		return error_set(e, -ENOENT, "%s \"%s\": not found", get->singular, get->name);
	get->out.single = get->name && matches == 1;
	if (output_is_items(&get->out))
		output_begin(&get->out);
	else if (!matches)
		fputs("No resources found\n", stderr);
	return 0;
}

void get_item(struct get *get, const char *name, json_t *item)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s/%s", get->singular, name);
	output_item(&get->out, text, item);
}

json_t *kubectl_object(json_t *object, uint64_t created)
{
	json_t *metadata = json_object_get(object, "metadata"), *sorted;
	char *text, time[32];

	json_object_set_new(metadata, "creationTimestamp", json_string(time_text(created, time)));
	text = json_dumps(object, JSON_SORT_KEYS);
	sorted = text ? json_loads(text, 0, NULL) : NULL;
	free(text);
	json_decref(object);
	if (!sorted)
		abort();
	return sorted;
}

const char *time_text(uint64_t seconds, char *text)
{
	time_t t = seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static int parse(int argc, char **argv, struct get *get, const struct get_kind **kind)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c != 'o')
			return EXIT_USAGE;
		if (!output_format_by_name(optarg, &get->out.format))
			return usage_error("get", "unknown output \"%s\": wide, json, yaml or name",
					   optarg);
	}
	if (optind == argc)
		return usage_error("get",
				   "a kind is missing: pools, nodes, blocks, pods, routes, flows");
	*kind = kind_find(argv[optind]);
	if (!*kind)
		return usage_error("get",
				   "unknown kind \"%s\": pools, nodes, blocks, pods, routes, flows, configmaps, nodeconfigs or namespaces",
				   argv[optind]);
	if (argc - optind > 2)
		return usage_error("get", "unexpected argument \"%s\"", argv[optind + 2]);
	get->name = argv[optind + 1];
	return EXIT_DONE;
}

int cmd_get(const struct globals *g, int argc, char **argv)
{
	const struct get_kind *kind = NULL;
	struct get get = {};
	struct node node;
	struct error e;
	int err, status = parse(argc, argv, &get, &kind);

	if (status)
		return status;
	if (!open_node(&node, g, ROOT_UNLOCKED, kind->interfaces))
		return EXIT_FAILED;
	get.node = &node;
	get.singular = kind->singular;
	get.kind = kind->object;
	err = kind->fn(&get, &e);
	if (!err && output_is_items(&get.out))
		output_end(&get.out);
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

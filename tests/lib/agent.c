// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plays the agent of a managed node for tests: agent ROOT COMMAND [ARGUMENT...]
 *   up NODE [FILE]            brings the node up, its objects from an API server
 *   apply FILE                applies objects as from the API server
 *   prune FILE                the same; what FILE lacks goes
 *   pod NAMESPACE NAME JSON   stores a pod's metadata
 *   gone NAMESPACE NAME       the pod was deleted
 *   pods                      lists the stored pods
 *   status JSON               writes the agent's status
 *   demand                    prints each record of pp_demand: "NAMESPACE/POD FAMILY", until killed
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/ipam/managed.h"
#include "loader/node/node.h"
#include "maps/demand.h"

static int up(const char *root, char **args, struct error *e)
{
	struct up up = { .root = root, .name = args[0], .managed = true, .files = (const char **)&args[1],
			 .file_count = args[1] != NULL };
	int err = node_up(&up, e);

	up_free(&up);
	return err;
}

static int apply(struct context *node, const char *file, unsigned int flags, struct error *e)
{
	struct netlink *nl = NULL;
	struct manifest m = {};
	struct apply plan = {};
	int err = netlink_open(&nl, -1, e);

	if (!err)
		err = manifest_read(file, &m, e);
	if (!err)
		err = apply_plan(node, &m, NULL, NULL, flags, &plan, e);
	if (!err)
		err = node_apply(node, nl, &plan, e);
	for (size_t i = 0; i < plan.warning_count; i++)
		fprintf(stderr, "warning: %s\n", plan.warnings[i]);
	apply_free(&plan);
	manifest_free(&m);
	netlink_close(nl);
	return err;
}

static int on_demand(void *arg, void *data, size_t size)
{
	const struct demand *d = data;

	(void)arg;
	(void)size;
	printf("%s/%s %s\n", d->namespace, d->pod, family_name(d->family));
	fflush(stdout);
	return 0;
}

static int demand(struct context *node)
{
	struct ring_buffer *ring = ring_buffer__new(pins_map(&node->pins, PIN_DEMAND), on_demand, NULL, NULL);

	while (ring && ring_buffer__poll(ring, -1) >= 0)
		;
	ring_buffer__free(ring);
	return 0;
}

static int print_pods(struct context *node, struct error *e)
{
	struct stored *list;
	size_t count;
	int err = pod_objects_list(node, &list, &count, e);

	for (size_t i = 0; !err && i < count; i++)
		printf("%s %s\n", list[i].name, list[i].text);
	if (!err)
		stored_free(list, count);
	return err;
}

static int run(struct context *node, const char *command, char **args, struct error *e)
{
	json_t *json;
	int err;

	if (!strcmp(command, "apply") || !strcmp(command, "prune"))
		return apply(node, args[0], strcmp(command, "apply") ? APPLY_PRUNE : 0, e);
	if (!strcmp(command, "gone"))
		return pod_object_delete(node, args[0], args[1], e);
	if (!strcmp(command, "pods"))
		return print_pods(node, e);
	if (!strcmp(command, "demand"))
		return demand(node);
	json = json_loads(args[strcmp(command, "pod") ? 0 : 2], 0, NULL);
	err = strcmp(command, "pod") ? agent_status_set(node, json, e) :
				       pod_object_set(node, args[0], args[1], json, e);
	json_decref(json);
	return err;
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[2] : "";
	bool changes = !strcmp(command, "apply") || !strcmp(command, "prune");
	struct context node;
	struct error e;
	int err;

	if (!strcmp(command, "up")) {
		err = up(argv[1], argv + 3, &e);
	} else {
		err = context_open(&node, argv[1], changes ? ROOT_EXCLUSIVE : ROOT_UNLOCKED, &e);
		if (!err) {
			err = run(&node, command, argv + 3, &e);
			context_close(&node);
		}
	}
	if (err < 0)
		fprintf(stderr, "agent: %s\n", e.text);
	return err < 0;
}

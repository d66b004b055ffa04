// SPDX-License-Identifier: GPL-2.0-only
/* pinpool apply, delete: objects changed. */
#include <stdio.h>
#include <string.h>

#include "loader/cmd/apply.h"
#include "loader/cmd/cmd.h"
#include "loader/node/node.h"

void print_warnings(const struct apply *plan)
{
	for (size_t i = 0; i < plan->warning_count; i++)
		warning("%s", plan->warnings[i]);
}

void print_plan(const struct apply *plan)
{
	static const char *const words[] = {
		[APPLY_UNCHANGED] = "unchanged", [APPLY_CREATED] = "created",
		[APPLY_CONFIGURED] = "configured", [APPLY_DELETED] = "deleted",
		[APPLY_TERMINATING] = "terminating", [APPLY_IGNORED] = "ignored",
	};

	print_warnings(plan);
	for (size_t i = 0; plan->is_committed && i < plan->count; i++) {
		const struct apply_object *o = &plan->objects[i];

		if (words[o->result] && o->kind != OBJECT_SETTINGS)
			printf("%s/%s %s\n", o->kind_name, o->name, words[o->result]);
	}
}

int prepare_input(struct call *c, struct error *e)
{
	const struct texts *files = &c->args.files;
	struct input *input = c->data;
	int err = 0;

	input->flags = c->args.prune ? APPLY_PRUNE : 0;
	for (size_t i = 0; !err && i < files->count; i++)
		err = manifest_read(files->list[i], &input->manifest, e);
	return err;
}

void finish_input(struct call *c)
{
	struct input *input = c->data;

	manifest_free(&input->manifest);
}

/* KIND NAME, or KIND/NAME */
static int prepare_delete(struct call *c, struct error *e)
{
	const char *kind = c->args.words.list[0], *slash = strchr(kind, '/');
	struct input *input = c->data;
	char name[64];

	(void)e;
	if (!slash == (c->args.words.count == 1))
		return usage_error(c, "expects %s", c->command->expects);
	snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - kind) : (int)strlen(kind), kind);
	input->remove.kind = kind_by_name(name);
	input->remove.name = qualified_name(input->remove.kind, slash ? slash + 1 : c->args.words.list[1],
					    input->name);
	if (input->remove.kind)
		return 0;
	return usage_error(c, "unknown kind \"%s\": pool, node, nodeconfig, configmap, namespace, service or endpointslice", name);
}

/* The error names the first object. */
static int check_unmanaged(const struct context *node, const struct input *input, struct error *e)
{
	enum object_kind kind = input->remove.kind;
	const char *name = input->remove.name;
	char object[STORE_NAME + 32];

	for (size_t i = 0; !kind && i < input->manifest.count; i++) {
		kind = input->manifest.objects[i].kind;
		name = input->manifest.objects[i].name;
	}
	snprintf(object, sizeof(object), kind ? "%s/%s" : "objects", object_kind_name(kind), name);
	return context_check_unmanaged(node, object, e);
}

static int run(struct call *c, struct error *e)
{
	const struct input *input = c->data;
	struct apply plan;
	int err = check_unmanaged(&c->node, input, e);

	if (!err)
		err = apply_plan(&c->node, &input->manifest, NULL, input->remove.kind ? &input->remove : NULL,
				 input->flags, &plan, e);
	if (err)
		return err;
	err = node_apply(&c->node, c->nl, &plan, e);
	print_plan(&plan);
	apply_free(&plan);
	return err;
}

const struct command command_apply = {
	.name = "apply", .help = "apply manifests", .options = INPUT_OPTIONS,
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_EXCLUSIVE,
	.data_size = sizeof(struct input), .prepare = prepare_input, .run = run, .finish = finish_input,
};

const struct command command_delete = {
	.name = "delete", .help = "delete an object; a pool in use starts terminating",
	.words = "KIND NAME", .words_max = 2, .expects = "a kind and a name",
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_EXCLUSIVE,
	.data_size = sizeof(struct input), .prepare = prepare_delete, .run = run,
};

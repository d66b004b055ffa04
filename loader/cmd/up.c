// SPDX-License-Identifier: GPL-2.0-only
/* pinpool up: from nothing, or from whatever is there, to a node that works. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/cmd/apply.h"
#include "loader/cmd/cmd.h"
#include "loader/node/node.h"

static int add_setting(const struct call *c, struct up *up, const char *text, struct error *e)
{
	const char *equals = strchr(text, '=');
	char name[128];

	if (!equals || equals == text || equals - text >= (long)sizeof(name))
		return usage_error(c, "--set \"%s\": expects OPTION=VALUE", text);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	if (!up->settings)
		up->settings = json_object();
	json_object_set_new(up->settings, name, json_string(equals + 1));
	return option_check(name, equals + 1, e) ? -EINVAL : 0;
}

static int run(struct call *c, struct error *e)
{
	const struct arguments *args = &c->args;
	struct up up = { .root = args->root,
			 .state_file = args->state,
			 .name = args->node,
			 .files = args->files.list,
			 .file_count = args->files.count,
			 .directory = "/etc/pinpool",
			 .require_uplink = args->require_uplink };
	int err = 0;

	for (size_t i = 0; !err && i < args->settings.count; i++)
		err = add_setting(c, &up, args->settings.list[i], e);
	if (!err && up.name && (!up.name[0] || strlen(up.name) >= PP_NAME))
		err = usage_error(c, "--node: a name has 1 to %d bytes", PP_NAME - 1);
	if (!err) {
		err = node_up(&up, e);
		print_plan(&up.plan);
		if (up.is_up)
			printf("node %s is up\n", up.node.config.node);
		up_free(&up);
	}
	json_decref(up.settings);
	return err;
}

const struct command command_up = {
	.name = "up", .help = "load, attach to the uplinks, apply the manifests; upgrade or repair a running node",
	.options = OPTIONS({ "filename", 'f', "FILE|DIR", ARGUMENT(files), OPTION_REPEATED },
			   { "node", 0, "NAME", ARGUMENT(node), 0 },
			   { "set", 0, "OPTION=VALUE", ARGUMENT(settings), OPTION_REPEATED },
			   { "require-uplink", 0, NULL, ARGUMENT(require_uplink), 0 }),
	.run = run,
};

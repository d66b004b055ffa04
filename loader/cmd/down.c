// SPDX-License-Identifier: GPL-2.0-only
/* pinpool down: the uplinks detached; --all: nothing of pinpool stays but the pods' interfaces. */
#include "loader/cmd/cmd.h"
#include "loader/node/node.h"

static int run(struct call *c, struct error *e)
{
	return node_down(c->args.root, c->args.all, e);
}

const struct command command_down = {
	.name = "down", .help = "detach from the uplinks; --all: remove everything",
	.options = OPTIONS({ "all", 0, NULL, ARGUMENT(all), 0 }),
	.run = run,
};

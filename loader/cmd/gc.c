// SPDX-License-Identifier: GPL-2.0-only
/* pinpool gc: frees what crashes left behind, and follows the host. */
#include <stdio.h>
#include <stdlib.h>

#include "loader/cmd/cmd.h"
#include "loader/node/node.h"
#include "loader/pod/follow.h"

static int run(struct call *c, struct error *e)
{
	const char *age = c->args.seconds;
	struct collected collected;
	int err = c->args.all ? pod_follow_all(&c->node, c->nl, e) : 0;

	if (err)
		return err;
	node_collect(&c->node, c->nl, age ? strtoul(age, NULL, 10) : TCX_AFTER, &collected);
	for (size_t i = 0; i < collected.error_count; i++)
		print_error(&collected.errors[i]);
	if (!collected.pods_failed)
		printf("%u freed\n", collected.freed);
	if (collected.repaired)
		printf("%u repaired\n", collected.repaired);
	return collected.error_count ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_gc = {
	.name = "gc", .help = "free what crashes left behind",
	.options = OPTIONS({ "all", 0, NULL, ARGUMENT(all), 0 },
			   { "tcx-after", 0, "SECONDS", ARGUMENT(seconds), OPTION_SECONDS }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_SHARED, .run = run,
};

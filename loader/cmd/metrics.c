// SPDX-License-Identifier: GPL-2.0-only
/* pinpool metrics: OpenMetrics 1.0 text for a textfile collector or a cron job. */
#include "loader/check/metrics.h"
#include "loader/cmd/cmd.h"

static int run(struct call *c, struct error *e)
{
	int err = metrics_write(&c->node, stdout, e);

	if (!err)
		puts("# EOF");
	return err;
}

const struct command command_metrics = {
	.name = "metrics", .help = "OpenMetrics text", .needs = NEEDS_NODE, .run = run,
};

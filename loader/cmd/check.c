// SPDX-License-Identifier: GPL-2.0-only
/* pinpool check: audits every invariant, and repairs with --fix. */
#include <stdio.h>

#include "loader/check/audit.h"
#include "loader/cmd/cmd.h"

static void print_violation(const char *text, void *arg)
{
	(void)arg;
	puts(text);
}

/* Under the exclusive lock no pod comes or goes: what is wrong now is wrong. */
static int check_locked(struct call *c, size_t *count, struct error *e)
{
	const struct audit_report report = { print_violation, NULL };
	struct error unfixed;
	int err = audit_run(&c->node, c->nl, &report, count, e);

	if (err || !*count || !c->args.fix)
		return err;
	printf("repairing %zu violation%s\n", *count, *count == 1 ? "" : "s");
	if (audit_fix(&c->node, c->nl, &unfixed))
		warning("check: %s", unfixed.text);
	return audit_run(&c->node, c->nl, &report, count, e);
}

/* A look without the lock comes first and disturbs nobody; what it finds may only be in the making. */
static int run(struct call *c, struct error *e)
{
	size_t count = 0;
	int err = audit_run(&c->node, c->nl, NULL, &count, e);

	if (!err && count) {
		call_close(c);
		err = call_open(c, ROOT_EXCLUSIVE, e);
		if (!err)
			err = check_locked(c, &count, e);
	}
	if (err)
		return err;
	printf("%zu violation%s\n", count, count == 1 ? "" : "s");
	return count ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_check = {
	.name = "check", .help = "audit every invariant",
	.options = OPTIONS({ "fix", 0, NULL, ARGUMENT(fix), 0 }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .run = run,
};

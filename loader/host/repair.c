// SPDX-License-Identifier: GPL-2.0-only
/* Repair of the host: each part separately, and cheap if nothing has changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/host/sysctls.h"
#include "loader/kernel/map.h"
#include "loader/host/repair.h"
#include "loader/blocks/sync.h"

static bool same_devices(const struct options *a, const struct options *b)
{
	bool same = a->device_count == b->device_count;

	for (size_t i = 0; same && i < a->device_count; i++)
		same = !strcmp(a->devices[i], b->devices[i]);
	return same;
}

int repair_check(struct context *node, const struct options *options, struct error *e)
{
	struct uplink_choice *choice;
	struct options before = {};
	struct netlink *nl;
	bool same;
	int err;

	if (!options->device_count)
		return 0;
	same = !context_options(node, &before, NULL) && same_devices(&before, options);
	options_free(&before);
	if (same)
		return 0;
	err = netlink_open(&nl, -1, e);
	if (err)
		return err;
	choice = xcalloc(1, sizeof(*choice));
	err = uplinks_choose(nl, options, choice, e);
	free(choice);
	netlink_close(nl);
	return err;
}

static int part(struct repair *r, enum repair_part part, int err)
{
	r->failed[part] = err != 0;
	return err;
}

/* Copies the first error's sentence to @e. */
static void report_first(const struct repair *r, struct error *e)
{
	for (int p = 0; p < REPAIR_PARTS; p++)
		if (r->failed[p]) {
			*e = r->errors[p];
			return;
		}
}

/* After `down` only `up` attaches. */
static int repair_uplinks(struct context *node, struct netlink *nl, const struct options *options,
			  unsigned int flags, struct repair *r)
{
	int err;

	if (node->config.down)
		return 0;
	err = uplinks_attach(node, nl, options, flags, &r->uplinks, &r->errors[REPAIR_UPLINKS]);
	r->changes += r->uplinks.changes;
	return part(r, REPAIR_UPLINKS, err);
}

int repair_host(struct context *node, struct netlink *nl, const struct options *options,
		unsigned int flags, struct repair *r, struct error *e)
{
	int first, err;

	memset(r, 0, sizeof(*r));
	first = repair_uplinks(node, nl, options, flags, r);
	err = part(r, REPAIR_SYSCTLS,
		   host_prepare(node, options, &r->changes, &r->errors[REPAIR_SYSCTLS]));
	report_first(r, e);
	return first_error(first, err);
}

/* Writes the uplinks' addresses and MTU if they have changed. */
static int write_config(struct context *node, const struct config *before, struct repair *r)
{
	if (!memcmp(before, &node->config, sizeof(*before)))
		return 0;
	r->changes++;
	return part(r, REPAIR_UPLINKS, context_write_config(node, &r->errors[REPAIR_UPLINKS]));
}

static int repair_locked(struct context *node, struct netlink *nl, const struct options *options,
			 struct repair *r)
{
	struct config before;
	struct error e;
	int first = context_read_config(node, &r->errors[REPAIR_UPLINKS]), err;

	if (first)
		return part(r, REPAIR_UPLINKS, first);
	before = node->config;
	first = repair_host(node, nl, options, UPLINKS_KEEP, r, &e);
	err = write_config(node, &before, r);
	first = first_error(first, err);
	err = part(r, REPAIR_ROUTES,
		   sync_host(node, options, nl, &r->changes, &r->errors[REPAIR_ROUTES]));
	return first_error(first, err);
}

int repair_node(struct context *node, struct netlink *nl, struct repair *r)
{
	struct options options = {};
	struct error *e = &r->errors[REPAIR_UPLINKS];
	int err;

	memset(r, 0, sizeof(*r));
	err = context_options(node, &options, e);
	if (!err) {
		/* Two processes would pin the same links; changes of blocks wait meanwhile. */
		err = root_lock_derived(&node->pins.root);
		if (err)
			error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	}
	if (err) {
		options_free(&options);
		return part(r, REPAIR_UPLINKS, err);
	}
	err = repair_locked(node, nl, &options, r);
	root_unlock_derived(&node->pins.root);
	options_free(&options);
	return err;
}

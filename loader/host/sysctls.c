// SPDX-License-Identifier: GPL-2.0-only
/* The host's sysctls: set by `up`, restored by `down --all`. The old values are stored as an object. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/host/sysctls.h"
#include "loader/ipam/transactions.h"
#include "loader/manifest/manifest.h"
#include "loader/kernel/store.h"
#include "loader/host/uplink.h"

#define RESERVED_PORTS "net/ipv4/ip_local_reserved_ports"

static int store_previous(struct context *node, const json_t *previous, struct error *e)
{
	char *text = object_text(previous);
	int err = store_put(&node->pins, OBJECT_SETTINGS, "sysctls", text, e);

	free(text);
	return err;
}

int host_sysctls(struct context *node, const struct options *options, struct sysctl_expected **list,
		 size_t *count, struct error *e)
{
	const char *names[UPLINKS_MAX];
	struct sysctl_host host = {
		.ipv4 = options->enable_ipv4, .ipv6 = options->enable_ipv6, .uplinks = names,
		.port_min = options->snat_port_min, .port_max = options->snat_port_max,
	};
	struct uplink_entry *uplinks;
	size_t n;
	int err = uplinks_read(node, &uplinks, &n, e);

	*list = NULL;
	*count = 0;
	if (err)
		return err;
	for (size_t i = 0; i < n && i < UPLINKS_MAX; i++)
		names[host.uplink_count++] = uplinks[i].uplink.ifname;
	err = sysctl_plan(&host, list, count, e);
	free(uplinks);
	return err;
}

/* All old values are stored before the first write: a kill in between loses nothing. */
static int remember(struct context *node, const struct sysctl_expected *expected, size_t count,
		    struct error *e)
{
	json_t *previous = store_get(&node->pins, OBJECT_SETTINGS, "sysctls");
	bool more = false;
	int err = 0;

	if (!previous)
		previous = json_object();
	for (size_t i = 0; i < count; i++) {
		if (json_object_get(previous, expected[i].name) ||
		    !strcmp(expected[i].previous, expected[i].value))
			continue;
		more = true;
		json_object_set_new(previous, expected[i].name,
				    json_pack("{s:s, s:s}", "before", expected[i].previous, "set",
					      expected[i].value));
	}
	if (more)
		err = store_previous(node, previous, e);
	json_decref(previous);
	return err;
}

int host_prepare(struct context *node, const struct options *options, unsigned int *changes,
		 struct error *e)
{
	struct sysctl_expected *expected;
	size_t count;
	int first = host_sysctls(node, options, &expected, &count, e), err;

	if (!first)
		first = remember(node, expected, count, e);
	if (first)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		err = sysctl_set(expected[i].name, expected[i].value, NULL, first ? NULL : e);
		if (err > 0 && changes)
			(*changes)++;
		first = first || err > 0 ? first : err;
	}
	free(expected);
	return first;
}

const char *sysctl_text(const char *path, char text[SYSCTL_NAME])
{
	size_t i;

	for (i = 0; path[i] && i < SYSCTL_NAME - 1; i++)
		text[i] = path[i] == '/' ? '.' : path[i] == '.' ? '/' : path[i];
	text[i] = 0;
	return text;
}

/* Restores only values that are still the ones we set: a later choice of others stays. */
static int restore_one(const char *name, const char *before, const char *set, uint16_t first,
		       uint16_t last, struct error *e)
{
	char now[SYSCTL_VALUE], result[SYSCTL_VALUE];
	int err = sysctl_get(name, now, e);

	if (err)
		return err == -ENOENT ? 0 : err; /* ENOENT: its interface is gone */
	if (!strcmp(name, RESERVED_PORTS)) {
		if (ports_unmerge(now, first, last, before, result))
			return 0;
		before = result;
	} else if (strcmp(now, set)) {
		return 0;
	}
	err = sysctl_set(name, before, NULL, e);
	return err > 0 ? 0 : err;
}

int host_restore(struct context *node, struct error *e)
{
	json_t *previous = store_get(&node->pins, OBJECT_SETTINGS, "sysctls"), *entry;
	struct options options = {};
	const char *name;
	int err = context_options(node, &options, e), first = err;

	json_object_foreach(previous, name, entry) {
		err = restore_one(name, json_string_value(json_object_get(entry, "before")),
				  json_string_value(json_object_get(entry, "set")), options.snat_port_min,
				  options.snat_port_max, first ? NULL : e);
		first = first_error(first, err);
	}
	options_free(&options);
	json_decref(previous);
	return first;
}

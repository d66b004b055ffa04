// SPDX-License-Identifier: GPL-2.0-only
/* The host's sysctls: set by `up`, put back by `down --all`. What stood before is an object. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/kernel/store.h"
#include "loader/net/sysctl.h"
#include "loader/host/uplink.h"
#include "maps/uplinks.h"

#define RESERVED_PORTS "net/ipv4/ip_local_reserved_ports"

static int store_previous(struct node *node, const json_t *previous, struct error *e)
{
	struct object_chunk head;
	struct object_key key;
	char *text = object_text(previous);
	int err = store_prepare(&node->pins, OBJECT_SETTINGS, "sysctls", text, &key, &head, e);

	free(text);
	return err ? err : store_publish(&node->pins, &key, &head, e);
}

/* The names of the uplinks in pp_uplinks; pointers into @names. */
static size_t uplink_names(struct node *node, char names[][16], const char **list)
{
	__u32 key, *before = NULL;
	struct uplink u;
	size_t n = 0;
	int fd = pins_map(&node->pins, PIN_UPLINKS);

	while (fd >= 0 && n < UPLINKS_MAX && !bpf_map_get_next_key(fd, before, &key)) {
		before = &key;
		if (bpf_map_lookup_elem(fd, &key, &u))
			continue;
		memcpy(names[n], u.ifname, sizeof(names[n]));
		list[n] = names[n];
		n++;
	}
	return n;
}

int host_prepare(struct node *node, const struct options *options, struct error *e)
{
	json_t *previous = store_get(&node->pins, OBJECT_SETTINGS, "sysctls"), *entry;
	const char *list[UPLINKS_MAX];
	char names[UPLINKS_MAX][16];
	struct sysctl_host host = {
		.ipv4 = options->enable_ipv4, .ipv6 = options->enable_ipv6, .uplinks = list,
		.port_min = options->snat_port_min, .port_max = options->snat_port_max,
	};
	struct sysctl_wanted *wanted = NULL;
	size_t count = 0;
	bool more = false;
	int err;

	if (!previous)
		previous = json_object();
	host.uplink_count = uplink_names(node, names, list);
	err = sysctl_plan(&host, &wanted, &count, e);
	/* remembered before the first is written: a kill in between loses nothing */
	for (size_t i = 0; !err && i < count; i++) {
		entry = json_object_get(previous, wanted[i].name);
		if (entry || !strcmp(wanted[i].previous, wanted[i].value))
			continue;
		more = true;
		json_object_set_new(previous, wanted[i].name,
				    json_pack("{s:s, s:s}", "before", wanted[i].previous, "set",
					      wanted[i].value));
	}
	if (!err && more)
		err = store_previous(node, previous, e);
	for (size_t i = 0; !err && i < count; i++) {
		err = sysctl_set(wanted[i].name, wanted[i].value, NULL, e);
		err = err > 0 ? 0 : err;
	}
	free(wanted);
	json_decref(previous);
	return err;
}

/* Only what still stands as we set it: somebody else's later choice stays. */
static int restore_one(const char *name, const char *before, const char *set, uint16_t first,
		       uint16_t last, struct error *e)
{
	char now[SYSCTL_VALUE], result[SYSCTL_VALUE];
	int err = sysctl_get(name, now, e);

	if (err)
		return err == -ENOENT ? 0 : err; /* its interface is gone */
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

int host_restore(struct node *node, struct error *e)
{
	json_t *previous = store_get(&node->pins, OBJECT_SETTINGS, "sysctls"), *entry;
	struct options options = {};
	const char *name;
	int err = node_options(node, &options, e), first = err;

	json_object_foreach(previous, name, entry) {
		err = restore_one(name, json_string_value(json_object_get(entry, "before")),
				  json_string_value(json_object_get(entry, "set")), options.snat_port_min,
				  options.snat_port_max, first ? NULL : e);
		first = first ? first : err;
	}
	options_free(&options);
	json_decref(previous);
	return first;
}

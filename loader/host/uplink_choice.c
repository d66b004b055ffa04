// SPDX-License-Identifier: GPL-2.0-only
/* Choice of the interfaces that become uplinks. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/route.h"
#include "loader/host/uplink.h"

/* "eth0", or "eth+" for all that begin with it. */
static bool device_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '+')
		return !strncmp(pattern, name, length - 1);
	return !strcmp(pattern, name);
}

static bool is_named(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->device_count; i++)
		if (device_matches(options->devices[i], name))
			return true;
	return false;
}

static bool is_in(const uint32_t *list, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == ifindex)
			return true;
	return false;
}

static bool is_pattern(const char *name)
{
	return name[0] && name[strlen(name) - 1] == '+';
}

/* Checks that each of `devices` is among the @links, and can be an uplink. */
static int check_devices(const struct options *options, const struct link *links, size_t count,
			 struct error *e)
{
	for (size_t i = 0; i < options->device_count; i++) {
		const char *name = options->devices[i];
		const struct link *found = NULL;

		for (size_t k = 0; k < count && !found; k++)
			if (device_matches(name, links[k].name))
				found = &links[k];
		if (is_pattern(name))
			continue;
		if (!found)
			return error_set(e, -ENODEV,
					 "devices: there is no interface %s; correct the option or create the interface",
					 name);
		if (found->type != ARPHRD_ETHER)
			return error_set(e, -ENODEV,
					 "devices: %s is not an Ethernet interface, pods cannot be masqueraded there; correct the option",
					 name);
	}
	return 0;
}

int uplinks_choose(struct netlink *nl, const struct options *options, struct uplink_choice *choice,
		   struct error *e)
{
	uint32_t defaults[UPLINKS_MAX];
	struct link *links = NULL;
	size_t count = 0, default_count = 0;
	int err = route_default_devices(nl, defaults, UPLINKS_MAX, &default_count, e);

	choice->count = 0;
	if (!err)
		err = link_list(nl, NULL, &links, &count, e);
	if (err)
		return err;
	for (size_t i = 0; i < count && choice->count < UPLINKS_MAX; i++) {
		bool chosen = options->device_count ? is_named(options, links[i].name) :
						      is_in(defaults, default_count, links[i].ifindex);

		if (chosen && links[i].type == ARPHRD_ETHER)
			choice->list[choice->count++] = links[i];
	}
	err = check_devices(options, links, count, e);
	free(links);
	return err;
}

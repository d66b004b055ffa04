// SPDX-License-Identifier: GPL-2.0-only
/* Choice of the interfaces that become uplinks. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/route.h"
#include "loader/host/uplink.h"

/* "eth+": all that begin with "eth". */
static bool is_pattern(const char *name)
{
	return name[0] && name[strlen(name) - 1] == '+';
}

static bool matches_pattern(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->device_count; i++) {
		const char *device = options->devices[i];

		if (is_pattern(device) && !strncmp(device, name, strlen(device) - 1))
			return true;
	}
	return false;
}

static bool has_pattern(const struct options *options)
{
	for (size_t i = 0; i < options->device_count; i++)
		if (is_pattern(options->devices[i]))
			return true;
	return false;
}

static void choose(struct uplink_choice *choice, const struct link *link)
{
	for (size_t i = 0; i < choice->count; i++)
		if (choice->list[i].ifindex == link->ifindex)
			return;
	if (link->type == ARPHRD_ETHER && choice->count < UPLINKS_MAX)
		choice->list[choice->count++] = *link;
}

static void choose_index(struct netlink *nl, uint32_t ifindex, struct uplink_choice *choice)
{
	struct link link;

	if (!link_get(nl, NULL, ifindex, &link, NULL))
		choose(choice, &link);
}

static int choose_default(struct netlink *nl, struct uplink_choice *choice, struct error *e)
{
	uint32_t defaults[UPLINKS_MAX];
	size_t count;
	int err = route_default_devices(nl, defaults, UPLINKS_MAX, &count, e);

	for (size_t i = 0; i < count && !err; i++)
		choose_index(nl, defaults[i], choice);
	return err;
}

static int choose_named(struct netlink *nl, const char *name, struct uplink_choice *choice,
			struct error *e)
{
	struct link link;

	if (link_get(nl, name, 0, &link, NULL))
		return error_set(e, -ENODEV,
				 "devices: there is no interface %s; correct the option or create the interface",
				 name);
	if (link.type != ARPHRD_ETHER)
		return error_set(e, -ENODEV,
				 "devices: %s is not an Ethernet interface, pods cannot be masqueraded there; correct the option",
				 name);
	choose(choice, &link);
	return 0;
}

static int choose_matching(struct netlink *nl, const struct options *options, struct uplink_choice *choice,
			   struct error *e)
{
	char name[IFNAMSIZ];
	uint32_t *indexes;
	size_t count;
	int err = link_indexes(nl, &indexes, &count, e);

	for (size_t i = 0; i < count; i++)
		if (link_name(nl, indexes[i], name) && matches_pattern(options, name))
			choose_index(nl, indexes[i], choice);
	free(indexes);
	return err;
}

static int by_index(const void *a, const void *b)
{
	uint32_t x = ((const struct link *)a)->ifindex, y = ((const struct link *)b)->ifindex;

	return x < y ? -1 : x > y;
}

int uplinks_choose(struct netlink *nl, const struct options *options, struct uplink_choice *choice,
		   struct error *e)
{
	int first = 0, err;

	choice->count = 0;
	if (!options->device_count)
		first = choose_default(nl, choice, e);
	else if (has_pattern(options))
		first = choose_matching(nl, options, choice, e);
	for (size_t i = 0; i < options->device_count; i++) {
		if (is_pattern(options->devices[i]))
			continue;
		err = choose_named(nl, options->devices[i], choice, first ? NULL : e);
		first = first_error(first, err);
	}
	/* The node's address is that of the first. */
	qsort(choice->list, choice->count, sizeof(*choice->list), by_index);
	return first;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Uplinks chosen and hooked. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/net/address.h"
#include "loader/host/guard.h"
#include "loader/net/link.h"
#include "loader/kernel/map.h"
#include "loader/net/route.h"
#include "loader/host/uplink.h"
#include "maps/uplinks.h"

#define POD_MTU_DEFAULT 1500

struct uplink_entry {
	__u32 ifindex;
	struct uplink uplink;
};

struct choice {
	const struct options *options;
	uint32_t defaults[UPLINKS_MAX]; /* devices of the default routes */
	size_t default_count;
	struct link list[UPLINKS_MAX];
	size_t count;
};

void uplink_pin(const struct node *node, const char *ifname, enum tc_direction direction,
		char *path, size_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%s", ifname, direction == TC_INGRESS ? "in" : "out");
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '_'; /* bpffs allows no dots */
	snprintf(path, size, "%s/link/%s", node->pins.root.dir, name);
}

/* "eth0", or "eth+" for all that begin with it. */
static bool device_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '+')
		return !strncmp(pattern, name, length - 1);
	return !strcmp(pattern, name);
}

static bool is_chosen(const struct choice *c, const struct link *link)
{
	for (size_t i = 0; i < c->options->device_count; i++)
		if (device_matches(c->options->devices[i], link->name))
			return true;
	for (size_t i = 0; !c->options->device_count && i < c->default_count; i++)
		if (c->defaults[i] == link->ifindex)
			return true;
	return false;
}

static int choose(struct netlink *nl, struct choice *c, struct error *e)
{
	struct link *links = NULL;
	size_t count = 0;
	int err = route_default_devices(nl, c->defaults, UPLINKS_MAX, &c->default_count, e);

	if (!err)
		err = link_list(nl, NULL, &links, &count, e);
	for (size_t i = 0; !err && i < count && c->count < UPLINKS_MAX; i++)
		if (is_chosen(c, &links[i]))
			c->list[c->count++] = links[i];
	free(links);
	for (size_t i = 0; !err && i < c->options->device_count; i++) {
		const char *name = c->options->devices[i];
		bool found = name[0] && name[strlen(name) - 1] == '+';

		for (size_t k = 0; k < c->count; k++)
			found |= device_matches(name, c->list[k].name);
		if (!found)
			err = error_set(e, -ENODEV,
					"devices: there is no interface %s; correct the option or create the interface",
					name);
	}
	return err;
}

static int hook(struct node *node, struct netlink *nl, const struct link *link, struct error *e)
{
	static const enum pinned_prog progs[] = { [TC_INGRESS] = PROG_FROM_NET,
						  [TC_EGRESS] = PROG_TO_NET };
	char pin[PATH_MAX + 64];
	int err = 0;

	/* egress first: what comes in may answer at once, and must not leave unmasqueraded */
	for (int d = TC_EGRESS; !err && d >= TC_INGRESS; d--) {
		int program = pins_prog(&node->pins, progs[d]);

		if (program < 0)
			return pins_error(&node->pins, pinned_prog_names[progs[d]], program, e);
		uplink_pin(node, link->name, d, pin, sizeof(pin));
		err = tc_attach_uplink(nl, link->ifindex, d, program, pin, e);
		if (err)
			error_wrap(e, err, "uplink %s", link->name);
	}
	return err;
}

static int guard(struct node *node, const struct options *options, const struct link *link,
		 struct error *e)
{
	if (options->xdp_guard == XDP_GUARD_NATIVE)
		return guard_attach(node, options, link->ifindex, link->name, e);
	return guard_detach(link->ifindex, e);
}

static int unhook(struct node *node, struct netlink *nl, const struct uplink_entry *u,
		  struct error *e)
{
	char pin[PATH_MAX + 64];
	int err = guard_detach(u->ifindex, e);

	for (int d = TC_INGRESS; !err && d <= TC_EGRESS; d++) {
		uplink_pin(node, u->uplink.ifname, d, pin, sizeof(pin));
		err = tc_detach_uplink(nl, u->ifindex, d, pin, e);
	}
	if (!err)
		bpf_map_delete_elem(pins_map(&node->pins, PIN_UPLINKS), &u->ifindex);
	return err;
}

static int read_entries(struct node *node, struct uplink_entry **list, size_t *count,
			struct error *e)
{
	int fd = pins_map(&node->pins, PIN_UPLINKS), err;

	if (fd < 0)
		return pins_error(&node->pins, "pp_uplinks", fd, e);
	err = map_read_all(fd, sizeof(__u32), offsetof(struct uplink_entry, uplink),
			   sizeof(struct uplink), sizeof(**list), (void **)list, count);
	return err ? pins_error(&node->pins, "pp_uplinks", err, e) : 0;
}

static int let_go(struct node *node, struct netlink *nl, const struct choice *keep, struct error *e)
{
	struct uplink_entry *list;
	size_t count;
	int err = read_entries(node, &list, &count, e);

	for (size_t i = 0; !err && i < count; i++) {
		bool stays = false;

		for (size_t k = 0; keep && k < keep->count; k++)
			stays |= keep->list[k].ifindex == list[i].ifindex &&
				 !strcmp(keep->list[k].name, list[i].uplink.ifname);
		if (!stays)
			err = unhook(node, nl, &list[i], e);
	}
	free(list);
	return err;
}

static void note_addresses(struct node *node, const struct choice *c, const struct address *own,
			   size_t own_count, uint32_t mtu)
{
	struct config *config = &node->config;

	memset(config->address, 0, sizeof(config->address));
	config->mtu = mtu;
	for (size_t i = 0; i < c->count; i++) {
		if (!mtu && (!config->mtu || c->list[i].mtu < config->mtu))
			config->mtu = c->list[i].mtu;
		for (int f = 0; f < FAMILIES; f++) {
			const struct address *a =
				address_primary(own, own_count, c->list[i].ifindex, f);

			if (a && addr_is_zero(&config->address[f]))
				config->address[f] = a->addr;
		}
	}
	if (!config->mtu)
		config->mtu = POD_MTU_DEFAULT;
}

static int write_entry(struct node *node, const struct link *link, const struct address *own,
		       size_t own_count, struct error *e)
{
	struct uplink u = {};

	memcpy(u.ifname, link->name, sizeof(u.ifname));
	for (int f = 0; f < FAMILIES; f++) {
		const struct address *a = address_primary(own, own_count, link->ifindex, f);

		if (a)
			u.address[f] = a->addr;
	}
	if (bpf_map_update_elem(pins_map(&node->pins, PIN_UPLINKS), &link->ifindex, &u, BPF_ANY))
		return pins_error(&node->pins, "pp_uplinks", -errno, e);
	return 0;
}

int uplinks_attach(struct node *node, struct netlink *nl, const struct options *options,
		   bool load_time, size_t *count, struct error *e)
{
	struct choice *c = xcalloc(1, sizeof(*c));
	struct address *own = NULL;
	size_t own_count = 0;
	int err;

	c->options = options;
	err = choose(nl, c, e);
	if (!err)
		err = address_list(nl, &own, &own_count, e);
	if (!err)
		err = let_go(node, nl, c, e);
	for (size_t i = 0; !err && i < c->count; i++) {
		err = write_entry(node, &c->list[i], own, own_count, e);
		if (!err)
			err = hook(node, nl, &c->list[i], e);
		if (!err && load_time)
			err = guard(node, options, &c->list[i], e);
	}
	if (!err)
		note_addresses(node, c, own, own_count, options->mtu);
	*count = c->count;
	free(own);
	free(c);
	return err;
}

int uplinks_detach(struct node *node, struct netlink *nl, struct error *e)
{
	return let_go(node, nl, NULL, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Uplinks attached and detached. pp_uplinks lists one only while its egress masquerades. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/net/address.h"
#include "loader/host/guard.h"
#include "loader/kernel/map.h"
#include "loader/net/route.h" /* addr_is_zero */
#include "loader/host/uplink.h"

#define POD_MTU_DEFAULT 1500

/* State of one uplinks_attach(). */
struct attachment {
	struct context *node;
	struct netlink *nl;
	const struct options *options;
	unsigned int flags;
	struct uplink_choice choice;
	struct uplink_entry *before; /* the present list */
	size_t before_count;
	struct address *own;
	size_t own_count;
	size_t attached;
	unsigned int changes;
};

void uplink_pin(const struct context *node, const char *ifname, enum tc_direction direction,
		char *path, size_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%s", ifname, direction == TC_INGRESS ? "in" : "out");
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '_'; /* bpffs allows no dots */
	snprintf(path, size, "%s/link/%s", node->pins.root.dir, name);
}

int uplinks_read(struct context *node, struct uplink_entry **list, size_t *count, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_UPLINKS), err;

	*list = NULL;
	*count = 0;
	if (fd < 0)
		return pins_error(&node->pins, "pp_uplinks", fd, e);
	err = map_read_all(fd, sizeof(__u32), offsetof(struct uplink_entry, uplink),
			   sizeof(struct uplink), sizeof(**list), (void **)list, count);
	return err ? pins_error(&node->pins, "pp_uplinks", err, e) : 0;
}

const struct uplink_entry *uplink_find(const struct uplink_entry *list, size_t count,
				       uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].ifindex == ifindex)
			return &list[i];
	return NULL;
}

static const enum pinned_prog progs[] = { [TC_INGRESS] = PROG_FROM_NET, [TC_EGRESS] = PROG_TO_NET };

int uplink_program(struct context *node, struct netlink *nl, uint32_t ifindex, const char *ifname,
		   enum tc_direction direction, struct error *e)
{
	int program = pins_prog(&node->pins, progs[direction]), err;
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	char pin[PATH_MAX + 64];
	uint32_t id;

	uplink_pin(node, ifname, direction, pin, sizeof(pin));
	err = tc_uplink_program(nl, ifindex, direction, pin, &id, e);
	if (err)
		return err;
	if (!id)
		return UPLINK_DETACHED;
	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) || info.id != id)
		return UPLINK_OTHER;
	return UPLINK_ATTACHED;
}

static int attach_program(struct attachment *a, const struct link *link, enum tc_direction direction,
			  struct error *e)
{
	int program = pins_prog(&a->node->pins, progs[direction]), err;
	char pin[PATH_MAX + 64];

	if (program < 0)
		return pins_error(&a->node->pins, pinned_prog_names[progs[direction]], program, e);
	if (uplink_program(a->node, a->nl, link->ifindex, link->name, direction, NULL) ==
	    UPLINK_ATTACHED)
		return 0;
	uplink_pin(a->node, link->name, direction, pin, sizeof(pin));
	err = tc_attach_uplink(a->nl, link->ifindex, direction, program, pin, e);
	a->changes += !err;
	return err;
}

static void fill_entry(const struct attachment *a, const struct link *link, struct uplink *u)
{
	memset(u, 0, sizeof(*u));
	memcpy(u->ifname, link->name, sizeof(u->ifname));
	for (int f = 0; f < FAMILIES; f++) {
		const struct address *found =
			address_primary(a->own, a->own_count, link->ifindex, f);

		if (found)
			u->address[f] = found->addr;
	}
}

static int write_entry(struct attachment *a, const struct link *link, struct error *e)
{
	const struct uplink_entry *old = uplink_find(a->before, a->before_count, link->ifindex);
	struct uplink u;

	fill_entry(a, link, &u);
	if (old && !memcmp(&old->uplink, &u, sizeof(u)))
		return 0;
	a->changes++;
	if (bpf_map_update_elem(pins_map(&a->node->pins, PIN_UPLINKS), &link->ifindex, &u, BPF_ANY))
		return pins_error(&a->node->pins, "pp_uplinks", -errno, e);
	return 0;
}

/* A recreated device has lost its guard; otherwise only `up` attaches or detaches it. */
static int guard(struct attachment *a, const struct link *link, struct error *e)
{
	bool native = a->options->xdp_guard == XDP_GUARD_NATIVE;

	if (a->flags & UPLINKS_LOAD_TIME)
		return native ? guard_attach(a->node, a->options, link->ifindex, link->name, e) :
				guard_detach(link->ifindex, e);
	if (!native || guard_query(link->ifindex) != GUARD_NONE)
		return 0;
	a->changes++;
	return guard_attach(a->node, a->options, link->ifindex, link->name, e);
}

static void unlist(struct context *node, uint32_t ifindex)
{
	bpf_map_delete_elem(pins_map(&node->pins, PIN_UPLINKS), &ifindex);
}

/*
 * Egress first, then the entry that lets pods leave, then ingress: a packet that comes in may be
 * answered at once, and must not leave unmasqueraded.
 */
static int attach(struct attachment *a, const struct link *link, struct error *e)
{
	int err = attach_program(a, link, TC_EGRESS, e);

	if (err) {
		unlist(a->node, link->ifindex);
		return error_wrap(e, err, "uplink %s", link->name);
	}
	err = write_entry(a, link, e);
	if (!err)
		err = attach_program(a, link, TC_INGRESS, e);
	if (err)
		return error_wrap(e, err, "uplink %s", link->name);
	return guard(a, link, e);
}

/* Removes the entries, and waits a tick, for which programs cache that they were there (maps/flow_cache.h). */
static void unlist_all(struct context *node, const struct uplink_entry *list, size_t count)
{
	const struct timespec tick = { .tv_nsec = 20000000 };

	for (size_t i = 0; i < count; i++)
		unlist(node, list[i].ifindex);
	if (count)
		nanosleep(&tick, NULL);
}

static int detach(struct context *node, struct netlink *nl, const struct uplink_entry *u,
		  struct error *e)
{
	char pin[PATH_MAX + 64];
	int first = guard_detach(u->ifindex, e), err;

	for (int d = TC_INGRESS; d <= TC_EGRESS; d++) {
		uplink_pin(node, u->uplink.ifname, d, pin, sizeof(pin));
		err = tc_detach_uplink(nl, u->ifindex, d, pin, first ? NULL : e);
		first = first_error(first, err);
	}
	return first;
}

static int detach_all(struct context *node, struct netlink *nl, const struct uplink_entry *list,
		      size_t count, struct error *e)
{
	int first = 0, err;

	unlist_all(node, list, count);
	for (size_t i = 0; i < count; i++) {
		err = detach(node, nl, &list[i], first ? NULL : e);
		first = first_error(first, err);
	}
	return first;
}

static bool is_chosen(const struct uplink_choice *c, const struct uplink_entry *u)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].ifindex == u->ifindex && !strcmp(c->list[i].name, u->uplink.ifname))
			return true;
	return false;
}

/* Keeps listed uplinks that still exist but have no default route: it may be missing only for a moment. */
static void keep_listed(struct attachment *a)
{
	struct uplink_choice *c = &a->choice;

	for (size_t i = 0; i < a->before_count && c->count < UPLINKS_MAX; i++) {
		const struct uplink_entry *u = &a->before[i];
		struct link *link = &c->list[c->count];

		if (!is_chosen(c, u) && !link_get(a->nl, NULL, u->ifindex, link, NULL) &&
		    !strcmp(link->name, u->uplink.ifname))
			c->count++;
	}
}

/* Detaches listed uplinks that are not chosen. */
static int detach_others(struct attachment *a, struct error *e)
{
	struct uplink_entry *gone = xcalloc(a->before_count, sizeof(*gone));
	size_t count = 0;
	int err;

	for (size_t i = 0; i < a->before_count; i++)
		if (!is_chosen(&a->choice, &a->before[i]))
			gone[count++] = a->before[i];
	a->changes += count;
	err = detach_all(a->node, a->nl, gone, count, e);
	free(gone);
	return err;
}

static void store_addresses(struct attachment *a)
{
	struct config *config = &a->node->config;
	struct uplink u;

	memset(config->address, 0, sizeof(config->address));
	config->mtu = a->options->mtu;
	for (size_t i = 0; i < a->choice.count; i++) {
		const struct link *link = &a->choice.list[i];

		if (!a->options->mtu && (!config->mtu || link->mtu < config->mtu))
			config->mtu = link->mtu;
		fill_entry(a, link, &u);
		for (int f = 0; f < FAMILIES; f++)
			if (addr_is_zero(&config->address[f]))
				config->address[f] = u.address[f];
	}
	if (!config->mtu)
		config->mtu = POD_MTU_DEFAULT;
}

static int attach_chosen(struct attachment *a, struct error *e)
{
	int first = uplinks_choose(a->nl, a->options, &a->choice, e), err;

	if (first && first != -ENODEV)
		return first;
	if (a->flags & UPLINKS_KEEP && !a->options->device_count)
		keep_listed(a);
	err = detach_others(a, first ? NULL : e);
	first = first_error(first, err);
	for (size_t i = 0; i < a->choice.count; i++) {
		err = attach(a, &a->choice.list[i], first ? NULL : e);
		a->attached += !err;
		first = first_error(first, err);
	}
	/* Without an uplink, new pods keep the last MTU. */
	if (a->choice.count || !(a->flags & UPLINKS_KEEP))
		store_addresses(a);
	return first;
}

int uplinks_attach(struct context *node, struct netlink *nl, const struct options *options,
		   unsigned int flags, struct uplinks_result *result, struct error *e)
{
	struct attachment *a = xcalloc(1, sizeof(*a));
	int err;

	a->node = node;
	a->nl = nl;
	a->options = options;
	a->flags = flags;
	err = uplinks_read(node, &a->before, &a->before_count, e);
	if (!err)
		err = address_list(nl, &a->own, &a->own_count, e);
	if (!err)
		err = attach_chosen(a, e);
	result->count = a->attached;
	result->changes = a->changes;
	free(a->before);
	free(a->own);
	free(a);
	return err;
}

int uplinks_detach(struct context *node, struct netlink *nl, struct error *e)
{
	struct uplink_entry *list;
	size_t count;
	int err = uplinks_read(node, &list, &count, e);

	if (!err)
		err = detach_all(node, nl, list, count, e);
	free(list);
	return err;
}

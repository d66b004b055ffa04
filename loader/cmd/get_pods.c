// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get pods: every lease, those of `alloc` too. */
#include <string.h>

#include "loader/cmd/get.h"
#include "loader/text/text.h"

static const char *name_of(const struct lease_entry *l)
{
	return l->lease.pod[0] ? l->lease.pod : l->owner.id;
}

static int read_pods(struct get *get, struct error *e)
{
	struct state *state = &get->state;
	int err = state_read(get->node, STATE_POOLS | STATE_BLOCKS | STATE_LEASES, state, e);

	get->list = state->leases;
	get->count = state->lease_count;
	state->leases = NULL;
	state->lease_count = 0;
	return err;
}

static int by_name(const void *a, const void *b, const struct get *get)
{
	const struct lease_entry *x = a, *y = b;
	int order = strcmp(x->lease.namespace, y->lease.namespace);

	(void)get;
	if (!order)
		order = strcmp(name_of(x), name_of(y));
	return order ? order : memcmp(&x->owner, &y->owner, sizeof(x->owner));
}

/* NAME, NAMESPACE/NAME or an owner. */
static bool is_named(const struct get *get, const void *entry)
{
	const struct lease_entry *l = entry;
	const char *name = get->name;
	size_t length = strlen(l->lease.namespace);

	if (!strcmp(name, name_of(l)) || !strcmp(name, l->owner.id))
		return true;
	return !strncmp(name, l->lease.namespace, length) && name[length] == '/' &&
	       !strcmp(name + length + 1, name_of(l));
}

static json_t *ips_of(const struct state *state, const struct lease *l)
{
	char ip[ADDR_TEXT], cidr[PREFIX_TEXT];
	json_t *ips = json_array();

	for (int f = 0; f < FAMILIES; f++) {
		const struct block_entry *b = state_block(state, l->ip[f].block);

		if (l->ip[f].block)
			json_array_append_new(
				ips, json_pack("{s:s, s:s, s:s, s:s}", "address",
					       addr_format(&l->ip[f].address, ip), "family", family_name(f),
					       "pool", state_pool_name(state, l->ip[f].pool), "block",
					       b ? prefix_format(&b->block.prefix, cidr) : ""));
	}
	return ips;
}

/* Owners, interfaces and paths are any bytes. */
static json_t *string(const char *text)
{
	return text_json(text, strlen(text));
}

static json_t *item_of(const struct get *get, const void *entry)
{
	const struct lease_entry *l = entry;
	const struct state *state = &get->state;
	char created[32];

	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:s, s:b, s:s, s:o}", "namespace",
			 l->lease.namespace, "name", string(name_of(l)), "owner", string(l->owner.id),
			 "ifname", string(l->owner.ifname), "ifindex", (json_int_t)l->lease.ifindex,
			 "hostInterface", string(l->lease.host_ifname), "netns", string(l->lease.netns),
			 "state", lease_state_name(l->lease.state), "draining",
			 state_is_draining(state, &l->lease), "creationTimestamp",
			 time_text(l->lease.created, created), "ips", ips_of(state, &l->lease));
}

static const struct column columns[] = {
	COLUMN("NAMESPACE", "namespace"),
	COLUMN("NAME", "name"),
	COLUMN("IP", "ips.address"),
	COLUMN("POOL", "ips.pool"),
	COLUMN("INTERFACE", "ifname"),
	COLUMN("STATE", "state"),
	COLUMN("AGE", "creationTimestamp", .format = column_age),
	COLUMN("OWNER", "owner", .wide = true),
	COLUMN("HOST-INTERFACE", "hostInterface", .wide = true),
	COLUMN("NETNS", "netns", .wide = true),
	COLUMN("BLOCK", "ips.block", .wide = true),
	COLUMN("DRAINING", "draining", .wide = true),
	{},
};

const struct get_kind get_pods = {
	.name = "pod", .name_path = "name", .columns = columns, .size = sizeof(struct lease_entry),
	.read = read_pods, .is_named = is_named, .order = by_name, .item = item_of,
};

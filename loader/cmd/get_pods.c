// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get pods: every lease, those of `alloc` too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/get.h"
#include "loader/ipam/inventory.h"

#define BOTH_TEXT (2 * PP_NAME + 2) /* "a,b" */

static const char *name_of(const struct lease_entry *l)
{
	return l->lease.pod[0] ? l->lease.pod : l->owner.id;
}

static int by_name(const void *a, const void *b)
{
	const struct lease_entry *x = a, *y = b;
	int order = strcmp(x->lease.namespace, y->lease.namespace);

	if (!order)
		order = strcmp(name_of(x), name_of(y));
	return order ? order : memcmp(&x->owner, &y->owner, sizeof(x->owner));
}

/* NAME, NAMESPACE/NAME or an owner. */
static bool is_named(const struct lease_entry *l, const char *name)
{
	size_t length = strlen(l->lease.namespace);

	if (!strcmp(name, name_of(l)) || !strcmp(name, l->owner.id))
		return true;
	return !strncmp(name, l->lease.namespace, length) && name[length] == '/' &&
	       !strcmp(name + length + 1, name_of(l));
}

/* The texts of both families with a comma between; one if they are equal. */
static const char *join(const char *a, const char *b, char text[BOTH_TEXT])
{
	bool two = *a && *b && strcmp(a, b);

	snprintf(text, BOTH_TEXT, "%s%s%s", *a ? a : b, two ? "," : "", two ? b : "");
	return text;
}

struct pod_texts {
	char ip[FAMILIES][ADDR_TEXT], block[FAMILIES][PREFIX_TEXT];
	const char *pool[FAMILIES];
};

static void texts_of(const struct inventory *inv, const struct lease *l, struct pod_texts *t)
{
	for (int f = 0; f < FAMILIES; f++) {
		const struct block *b = inventory_block(inv, l->ip[f].block);

		t->ip[f][0] = t->block[f][0] = 0;
		t->pool[f] = "";
		if (!l->ip[f].block)
			continue;
		addr_format(&l->ip[f].address, t->ip[f]);
		t->pool[f] = inventory_pool_name(inv, l->ip[f].pool);
		if (b)
			prefix_format(&b->prefix, t->block[f]);
	}
}

static void add_row(struct table *table, const struct inventory *inv, const struct lease_entry *l,
		    bool wide)
{
	char text[BOTH_TEXT], age[16];
	struct pod_texts t;

	texts_of(inv, &l->lease, &t);
	table_add(table, "%s", l->lease.namespace);
	table_add(table, "%s", name_of(l));
	table_add(table, "%s", join(t.ip[0], t.ip[1], text));
	table_add(table, "%s", join(t.pool[0], t.pool[1], text));
	table_add(table, "%s", l->owner.ifname);
	table_add(table, "%s", lease_state_name(l->lease.state));
	table_add(table, "%s", age_text(l->lease.created, age));
	if (!wide)
		return;
	table_add(table, "%s", l->owner.id);
	table_add(table, "%s", l->lease.host_ifname);
	table_add(table, "%s", l->lease.netns);
	table_add(table, "%s", join(t.block[0], t.block[1], text));
	table_add(table, "%s", inventory_is_draining(inv, &l->lease) ? "yes" : "no");
}

static json_t *item_of(const struct inventory *inv, const struct lease_entry *l)
{
	json_t *ips = json_array(), *item = json_object();
	struct pod_texts t;
	char created[32];

	texts_of(inv, &l->lease, &t);
	for (int f = 0; f < FAMILIES; f++) {
		if (!l->lease.ip[f].block)
			continue;
		json_array_append_new(ips, json_pack("{s:s, s:s, s:s, s:s}", "address", t.ip[f],
						     "family", family_name(f), "pool", t.pool[f],
						     "block", t.block[f]));
	}
	json_object_set_new(item, "namespace", json_string(l->lease.namespace));
	json_object_set_new(item, "name", json_string(name_of(l)));
	json_object_set_new(item, "owner", json_string(l->owner.id));
	json_object_set_new(item, "ifname", json_string(l->owner.ifname));
	json_object_set_new(item, "ifindex", json_integer(l->lease.ifindex));
	json_object_set_new(item, "hostInterface", json_string(l->lease.host_ifname));
	json_object_set_new(item, "netns", json_string(l->lease.netns));
	json_object_set_new(item, "state", json_string(lease_state_name(l->lease.state)));
	json_object_set_new(item, "draining", json_boolean(inventory_is_draining(inv, &l->lease)));
	json_object_set_new(item, "creationTimestamp",
			    json_string(time_text(l->lease.created, created)));
	json_object_set_new(item, "ips", ips);
	return item;
}

static void print_pods(struct get *get, const struct inventory *inv, const struct lease_entry *list,
		       size_t count)
{
	bool wide = get->out.format == OUTPUT_WIDE;
	struct table table;

	if (output_is_items(&get->out)) {
		for (size_t i = 0; i < count; i++)
			get_item(get, name_of(&list[i]), item_of(inv, &list[i]));
		return;
	}
	if (!count)
		return;
	table_init(
		&table,
		wide ? "NAMESPACE NAME IP POOL INTERFACE STATE AGE OWNER HOST-INTERFACE NETNS BLOCK DRAINING"
		     : "NAMESPACE NAME IP POOL INTERFACE STATE AGE");
	for (size_t i = 0; i < count; i++)
		add_row(&table, inv, &list[i], wide);
	table_write(&table, stdout);
}

int get_pods(struct get *get, struct error *e)
{
	struct lease_entry *list = NULL;
	struct inventory inv = {};
	size_t count, matches = 0;
	/* leases first: the blocks of all of them are then in the inventory, or gone with them */
	int err = ipam_leases(&get->node->pins, &list, &count, e);

	if (!err)
		err = inventory_read(&get->node->pins, &inv, e);
	if (err)
		goto out;
	for (size_t i = 0; i < count; i++)
		if (!get->name || is_named(&list[i], get->name))
			list[matches++] = list[i];
	if (matches)
		qsort(list, matches, sizeof(*list), by_name);
	err = get_begin(get, matches, e);
	if (!err)
		print_pods(get, &inv, list, matches);
out:
	inventory_free(&inv);
	free(list);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get flows: what is masqueraded now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cmd/get.h"
#include "loader/kernel/flows.h"
#include "loader/base/prefix.h"

#define END_TEXT (ADDR_TEXT + 10) /* "[addr]:port" */

static const char *end_text(const struct addr *addr, uint16_t port, char text[END_TEXT])
{
	char ip[ADDR_TEXT];
	bool v4 = addr_is_ipv4(addr);

	addr_format(addr, ip);
	if (port)
		snprintf(text, END_TEXT, v4 ? "%s:%u" : "[%s]:%u", ip, port);
	else
		snprintf(text, END_TEXT, "%s", ip);
	return text;
}

static json_t *item_of(const struct flow *f, const struct clock *clock)
{
	char source[ADDR_TEXT], destination[ADDR_TEXT], masq[ADDR_TEXT], number[12];
	const struct flow_key *k = &f->forward;

	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:s, s:i, s:s, s:i}", "proto",
			 protocol_name(k->protocol, number), "source",
			 addr_format(&k->source, source), "sourcePort", k->source_port,
			 "destination", addr_format(&k->destination, destination),
			 "destinationPort", k->destination_port, "masqAddress",
			 addr_format(&f->masq_address, masq), "masqPort", f->masq_port, "state",
			 flow_state_name(f->state), "expiresIn",
			 clock_seconds_left(clock, f->expires));
}

static void add_row(struct table *table, const struct flow *f, const struct clock *clock)
{
	const struct flow_key *k = &f->forward;
	char text[END_TEXT], number[12];

	table_add(table, "%s", protocol_name(k->protocol, number));
	table_add(table, "%s", end_text(&k->source, k->source_port, text));
	table_add(table, "%s", end_text(&k->destination, k->destination_port, text));
	table_add(table, "%s", end_text(&f->masq_address, f->masq_port, text));
	table_add(table, "%s", flow_state_name(f->state));
	table_add(table, "%ds", clock_seconds_left(clock, f->expires));
}

static int by_source(const void *a, const void *b)
{
	const struct flow_key *x = &((const struct flow_entry *)a)->flow.forward;
	const struct flow_key *y = &((const struct flow_entry *)b)->flow.forward;
	int order = addr_compare(&x->source, &y->source);

	if (!order)
		order = (int)x->protocol - (int)y->protocol;
	if (!order)
		order = x->source_port - y->source_port;
	return order ? order : addr_compare(&x->destination, &y->destination);
}

/* An address of either side. */
static bool is_named(const struct flow *f, const char *name)
{
	char text[ADDR_TEXT];

	return !strcmp(name, addr_format(&f->forward.source, text)) ||
	       !strcmp(name, addr_format(&f->forward.destination, text));
}

static void print_flows(struct get *get, const struct flow_entry *list, size_t count,
			const struct clock *clock)
{
	bool items = output_is_items(&get->out);
	struct table table;
	char name[32];

	if (!items && count)
		table_init(&table, "PROTO SOURCE DESTINATION MASQUERADED-AS STATE EXPIRES");
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%u", list[i].slot);
		if (items)
			get_item(get, name, item_of(&list[i].flow, clock));
		else
			add_row(&table, &list[i].flow, clock);
	}
	if (!items && count)
		table_write(&table, stdout);
}

int get_flows(struct get *get, struct error *e)
{
	struct flow_entry *list;
	size_t count, matches = 0;
	struct clock clock;
	int err = flows_read(&get->node->pins, &list, &count, &clock, e);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (!get->name || is_named(&list[i].flow, get->name))
			list[matches++] = list[i];
	if (matches)
		qsort(list, matches, sizeof(*list), by_source);
	err = get_begin(get, matches, e);
	if (!err)
		print_flows(get, list, matches, &clock);
	free(list);
	return err;
}

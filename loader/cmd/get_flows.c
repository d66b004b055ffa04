// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get flows: what is masqueraded now. */
#include <stdio.h>
#include <string.h>

#include "loader/base/prefix.h"
#include "loader/cmd/get.h"
#include "loader/kernel/flows.h"

static int read_flows(struct get *get, struct error *e)
{
	struct flow_entry *list = NULL;
	int err = flows_read(&get->node->pins, &list, &get->count, &get->clock, e);

	get->list = list;
	return err;
}

static int by_source(const void *a, const void *b, const struct get *get)
{
	const struct flow_key *x = &((const struct flow_entry *)a)->flow.forward;
	const struct flow_key *y = &((const struct flow_entry *)b)->flow.forward;
	int order = addr_compare(&x->source, &y->source);

	(void)get;
	if (!order)
		order = (int)x->protocol - (int)y->protocol;
	if (!order)
		order = x->source_port - y->source_port;
	return order ? order : addr_compare(&x->destination, &y->destination);
}

/* An address of either side. */
static bool is_named(const struct get *get, const void *entry)
{
	const struct flow_key *k = &((const struct flow_entry *)entry)->flow.forward;
	char text[ADDR_TEXT];

	return !strcmp(get->name, addr_format(&k->source, text)) ||
	       !strcmp(get->name, addr_format(&k->destination, text));
}

static json_t *item_of(const struct get *get, const void *entry)
{
	const struct flow_entry *fe = entry;
	const struct flow *f = &fe->flow;
	const struct flow_key *k = &f->forward;
	char source[ADDR_TEXT], destination[ADDR_TEXT], masq[ADDR_TEXT], number[12];

	if (get->out.format == OUTPUT_NAME)
		return json_pack("{s:I}", "slot", (json_int_t)fe->slot);
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:s, s:i, s:s, s:i}", "proto",
			 protocol_name(k->protocol, number), "source",
			 addr_format(&k->source, source), "sourcePort", k->source_port,
			 "destination", addr_format(&k->destination, destination),
			 "destinationPort", k->destination_port, "masqAddress",
			 addr_format(&f->masq_address, masq), "masqPort", f->masq_port, "state",
			 flow_state_name(f->state), "expiresIn",
			 clock_seconds_left(&get->clock, f->expires));
}

/* "address:port" or "[address]:port"; @path is that of the address, and behind a space that of the port. */
static void column_end(const json_t *item, const char *path, char *text)
{
	const char *space = strchr(path, ' ');
	const char *address = json_string_value(json_object_getn(item, path, space - path));
	int port = json_integer_value(json_object_get(item, space + 1));

	if (port)
		snprintf(text, COLUMN_TEXT, strchr(address, ':') ? "[%s]:%d" : "%s:%d", address, port);
	else
		snprintf(text, COLUMN_TEXT, "%s", address);
}

static const struct column columns[] = {
	COLUMN("PROTO", "proto"),
	COLUMN("SOURCE", "source sourcePort", .format = column_end),
	COLUMN("DESTINATION", "destination destinationPort", .format = column_end),
	COLUMN("MASQUERADED-AS", "masqAddress masqPort", .format = column_end),
	COLUMN("STATE", "state"),
	COLUMN("EXPIRES", "expiresIn", .format = column_seconds),
	{},
};

const struct get_kind get_flows = {
	.name = "flow", .name_path = "slot", .columns = columns, .size = sizeof(struct flow_entry),
	.read = read_flows, .is_named = is_named, .order = by_source, .item = item_of,
};

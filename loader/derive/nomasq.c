// SPDX-License-Identifier: GPL-2.0-only
/* pp_nomasq: destinations that are never masqueraded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/derive/derive.h"
#include "loader/net/address.h"
#include "maps/nomasq.h"

static void nomasq_add(struct row_list *rows, const struct prefix *prefix, enum nomasq_reason reason)
{
	cidr_row_add(rows, prefix, &(struct nomasq){ .reason = reason });
}

static void nomasq_host(struct row_list *rows, const struct addr *addr, enum nomasq_reason reason)
{
	struct prefix p = prefix_of(addr, 128);

	nomasq_add(rows, &p, reason);
}

static void own_add(struct row_list *rows, const struct address *own)
{
	struct prefix subnet = prefix_of(&own->addr, own->length);
	struct addr broadcast = addr_last(&subnet);

	/* fe80::/10 is never routed, and comes and goes with every pod's interface */
	if (own->addr.byte[0] == 0xfe && (own->addr.byte[1] & 0xc0) == 0x80)
		return;
	nomasq_host(rows, &own->addr, NOMASQ_OWN);
	/* neither /32 nor /31 (RFC 3021) has one */
	if (addr_is_ipv4(&own->addr) && prefix_bits(&subnet) < 31)
		nomasq_host(rows, &broadcast, NOMASQ_BROADCAST);
}

/* ip-masq-agent's list where its config is empty: what its documentation calls the default. */
static const char *const agent_default[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4",
};

static void agent_text(struct row_list *rows, const char *text)
{
	struct prefix p;

	if (text && prefix_parse(text, &p) >= 0)
		nomasq_add(rows, &p, NOMASQ_AGENT);
}

static void agent_add(struct context *node, struct row_list *rows)
{
	json_t *object = store_get(&node->pins, OBJECT_CONFIGMAP, "ip-masq-agent"), *config, *list, *cidr;
	const char *text = json_string_value(json_object_get(json_object_get(object, "data"), "config"));
	size_t i;

	config = text ? json_loads(text, 0, NULL) : NULL;
	list = json_object_get(config, "nonMasqueradeCIDRs");
	json_array_foreach(list, i, cidr)
		agent_text(rows, json_string_value(cidr));
	for (i = 0; !list && i < sizeof(agent_default) / sizeof(agent_default[0]); i++)
		agent_text(rows, agent_default[i]);
	if (!json_is_true(json_object_get(config, "masqLinkLocal")))
		agent_text(rows, "169.254.0.0/16");
	if (!json_is_true(json_object_get(config, "masqLinkLocalIPv6")))
		agent_text(rows, "fe80::/10");
	json_decref(config);
	json_decref(object);
}

static void nodes_add(const struct state *state, struct row_list *rows)
{
	for (size_t i = 0; i < state->address_count; i++)
		nomasq_add(rows, &state->addresses[i].prefix, NOMASQ_NODE);
}

int nomasq_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	const struct state *s = x->state;
	struct address *own = NULL;
	size_t count = 0;
	int err = x->nl ? address_list(x->nl, &own, &count, e) : 0;

	if (err)
		return err;
	rows += MAP_NOMASQ;
	for (size_t i = 0; i < x->options->native_cidr_count; i++)
		nomasq_add(rows, &x->options->native_cidrs[i], NOMASQ_NATIVE);
	if (x->options->enable_ip_masq_agent)
		agent_add(x->node, rows);
	for (size_t i = 0; i < count; i++)
		own_add(rows, &own[i]);
	nodes_add(s, rows);
	for (size_t i = 0; i < s->block_count; i++)
		nomasq_add(rows, &s->blocks[i].block.prefix, NOMASQ_POD);
	for (size_t i = 0; i < s->claim_count; i++)
		nomasq_add(rows, &s->claims[i].prefix, NOMASQ_POD);
	free(own);
	return 0;
}

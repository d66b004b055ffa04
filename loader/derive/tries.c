// SPDX-License-Identifier: GPL-2.0-only
/* The derived tries: whose each range is (pp_cidrs), and what is never masqueraded (pp_nomasq). */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/kernel/map.h"
#include "loader/derive/parts.h"
#include "loader/base/trace.h"
#include "maps/cidrs.h"
#include "maps/nomasq.h"

struct cidr_entry {
	struct cidr_key key;
	struct cidr value; /* its kind is also its rank: of two with one prefix the lower stays */
};

struct nomasq_entry {
	struct cidr_key key;
	struct nomasq value;
};

struct table {
	char *rows; /* key, value at value_at, row_size in all */
	size_t count, row_size, value_at, value_size;
};

static void table_add(struct table *t, const struct prefix *prefix, const void *value)
{
	struct cidr_key key = { .length = prefix->length };
	char *row;

	memcpy(key.addr.byte, prefix->addr.byte, sizeof(key.addr.byte));
	if (!(t->count & (t->count - 1)))
		t->rows = xrealloc(t->rows, (t->count ? t->count * 2 : 1) * t->row_size);
	row = t->rows + t->count++ * t->row_size;
	memset(row, 0, t->row_size);
	memcpy(row, &key, sizeof(key));
	memcpy(row + t->value_at, value, t->value_size);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cidr_key));
}

static int by_key_and_rank(const void *a, const void *b, void *table)
{
	const struct table *t = table;
	__u32 x, y;

	memcpy(&x, (const char *)a + t->value_at, sizeof(x));
	memcpy(&y, (const char *)b + t->value_at, sizeof(y));
	return by_key(a, b) ?: (x < y ? -1 : x > y);
}

static void table_sort(struct table *t)
{
	size_t kept = 0;

	if (t->count)
		qsort_r(t->rows, t->count, t->row_size, by_key_and_rank, t);
	for (size_t i = 0; i < t->count; i++) {
		char *row = t->rows + i * t->row_size, *last = t->rows + (kept - 1) * t->row_size;

		if (!kept || by_key(last, row))
			memmove(t->rows + kept++ * t->row_size, row, t->row_size);
	}
	t->count = kept;
}

static int table_read(struct node *node, enum pinned_map map, const struct table *like,
		      struct table *now, struct error *e)
{
	int fd = pins_map(&node->pins, map), err;

	*now = *like;
	if (fd < 0)
		return pins_error(&node->pins, pinned_map_names[map], fd, e);
	err = map_read_all(fd, sizeof(struct cidr_key), like->value_at, like->value_size,
			   like->row_size, (void **)&now->rows, &now->count);
	if (err)
		return pins_error(&node->pins, pinned_map_names[map], err, e);
	table_sort(now);
	return 0;
}

static char *table_find(const struct table *t, const char *row)
{
	return t->count ? bsearch(row, t->rows, t->count, t->row_size, by_key) : NULL;
}

/* Makes the trie have exactly the rows of @t. Additions first: a shrinking set never has a hole. */
static int table_apply(struct node *node, enum pinned_map map, struct table *t, struct error *e)
{
	int fd = pins_map(&node->pins, map), err, first = 0;
	size_t written = 0, removed = 0;
	struct table now;

	table_sort(t);
	err = table_read(node, map, t, &now, e);
	if (err)
		return err;
	for (size_t i = 0; i < t->count; i++) {
		char *row = t->rows + i * t->row_size, *old = table_find(&now, row);

		if (old && !memcmp(old, row, t->row_size))
			continue;
		err = bpf_map_update_elem(fd, row, row + t->value_at, BPF_ANY);
		written += !err;
		if (err && !first)
			first = error_set(e, -errno, "%s: cannot write: %s; the map may be full",
					  pinned_map_names[map], strerror(errno));
	}
	for (size_t i = 0; i < now.count; i++) {
		char *row = now.rows + i * now.row_size;

		if (!table_find(t, row))
			removed += !bpf_map_delete_elem(fd, row);
	}
	if (written || removed)
		trace("map %s: %zu rows written, %zu removed", pinned_map_names[map], written, removed);
	free(now.rows);
	return first;
}

static __u32 row_kind(const char *row, const struct table *t)
{
	__u32 kind;

	memcpy(&kind, row + t->value_at, sizeof(kind));
	return kind;
}

static void tell(const char *row, enum pinned_map map, const char *what,
		 const struct trie_report *report)
{
	struct prefix prefix = {};
	struct cidr_key key;

	memcpy(&key, row, sizeof(key));
	prefix.length = key.length;
	memcpy(prefix.addr.byte, key.addr.byte, sizeof(key.addr.byte));
	report->fn(pinned_map_names[map], &prefix, what, report->arg);
}

/* Tells where the trie differs from @t; rows of kinds up to @ignored may stay as they are. */
static int table_compare(struct node *node, enum pinned_map map, struct table *t, __u32 ignored,
			 const struct trie_report *report, struct error *e)
{
	struct table now;
	int err;

	table_sort(t);
	err = table_read(node, map, t, &now, e);
	if (err)
		return err;
	for (size_t i = 0; i < t->count; i++) {
		char *row = t->rows + i * t->row_size, *old = table_find(&now, row);

		if (!old)
			tell(row, map, "missing", report);
		else if (row_kind(old, t) > ignored && memcmp(old, row, t->row_size))
			tell(row, map, "wrong", report);
	}
	for (size_t i = 0; i < now.count; i++) {
		char *row = now.rows + i * now.row_size;

		if (row_kind(row, t) > ignored && !table_find(t, row))
			tell(row, map, "too much", report);
	}
	free(now.rows);
	return 0;
}

static struct table want_cidrs(struct node *node, const struct facts *facts)
{
	struct table t = { .row_size = sizeof(struct cidr_entry),
			   .value_at = offsetof(struct cidr_entry, value),
			   .value_size = sizeof(struct cidr) };
	struct pool_cidr cidrs[POOL_FAMILY_CIDRS];

	for (size_t i = 0; i < facts->block_count; i++) {
		const struct block *b = &facts->blocks[i].block;

		table_add(&t, &b->prefix, &(struct cidr){ .kind = CIDR_LOCAL, .pool = b->pool,
							  .block = facts->blocks[i].id });
	}
	for (size_t i = 0; i < facts->claim_count; i++) {
		const struct claim *c = &facts->claims[i];
		struct cidr value = { .kind = CIDR_REMOTE, .next_hop = c->next_hop };
		struct pool pool;

		ipam_pool_find(&node->pins, c->pool, &value.pool, &pool);
		table_add(&t, &c->prefix, &value);
	}
	for (size_t i = 0; i < facts->pool_count; i++) {
		const struct pool_entry *p = &facts->pools[i];

		for (int f = 0; f < FAMILIES && p->pool.state == POOL_ACTIVE; f++) {
			uint32_t count = p->pool.family[f].cidrs;

			if (ipam_pool_cidrs(&node->pins, p->id, f, cidrs, count))
				continue;
			for (uint32_t n = 0; n < count && n < POOL_FAMILY_CIDRS; n++)
				table_add(&t, &cidrs[n].cidr,
					  &(struct cidr){ .kind = CIDR_POOL, .pool = p->id });
		}
	}
	return t;
}

int sync_cidrs(struct node *node, const struct facts *facts, struct error *e)
{
	struct table t = want_cidrs(node, facts);
	int err = table_apply(node, PIN_CIDRS, &t, e);

	free(t.rows);
	return err;
}

static void nomasq_add(struct table *t, const struct prefix *prefix, enum nomasq_reason reason)
{
	table_add(t, prefix, &(struct nomasq){ .reason = reason });
}

static void nomasq_host(struct table *t, const struct addr *addr, enum nomasq_reason reason)
{
	struct prefix p = prefix_of(addr, 128);

	nomasq_add(t, &p, reason);
}

static void own_add(struct table *t, const struct address *own)
{
	struct prefix subnet = prefix_of(&own->addr, own->length);
	struct addr broadcast = addr_last(&subnet);

	/* fe80::/10 is never routed, and comes and goes with every pod's interface */
	if (own->addr.byte[0] == 0xfe && (own->addr.byte[1] & 0xc0) == 0x80)
		return;
	nomasq_host(t, &own->addr, NOMASQ_OWN);
	/* neither /32 nor /31 (RFC 3021) has one */
	if (addr_is_ipv4(&own->addr) && prefix_bits(&subnet) < 31)
		nomasq_host(t, &broadcast, NOMASQ_BROADCAST);
}

/* ip-masq-agent's list where its config is empty: what its documentation calls the default. */
static const char *const agent_default[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4",
};

static void agent_text(struct table *t, const char *text)
{
	struct prefix p;

	if (text && prefix_parse(text, &p) >= 0)
		nomasq_add(t, &p, NOMASQ_AGENT);
}

static void agent_add(struct node *node, struct table *t)
{
	json_t *object = store_get(&node->pins, OBJECT_CONFIGMAP, "ip-masq-agent"), *config, *list, *cidr;
	const char *text = json_string_value(json_object_get(json_object_get(object, "data"), "config"));
	size_t i;

	config = text ? json_loads(text, 0, NULL) : NULL;
	list = json_object_get(config, "nonMasqueradeCIDRs");
	json_array_foreach(list, i, cidr)
		agent_text(t, json_string_value(cidr));
	for (i = 0; !list && i < sizeof(agent_default) / sizeof(agent_default[0]); i++)
		agent_text(t, agent_default[i]);
	if (!json_is_true(json_object_get(config, "masqLinkLocal")))
		agent_text(t, "169.254.0.0/16");
	if (!json_is_true(json_object_get(config, "masqLinkLocalIPv6")))
		agent_text(t, "fe80::/10");
	json_decref(config);
	json_decref(object);
}

static void nodes_add(const struct facts *facts, struct table *t)
{
	for (size_t n = 0; n < facts->node_count; n++) {
		const json_t *list = json_object_get(json_object_get(facts->nodes[n].json, "spec"),
						     "addresses"), *entry;
		struct addr addr;
		size_t i;

		json_array_foreach(list, i, entry)
			if (!addr_parse(json_string_value(json_object_get(entry, "ip")), &addr))
				nomasq_host(t, &addr, NOMASQ_NODE);
	}
}

/* Without @nl, without the node's own addresses. */
static int want_nomasq(struct node *node, const struct facts *facts, const struct options *options,
		       struct netlink *nl, struct table *wanted, struct error *e)
{
	struct table t = { .row_size = sizeof(struct nomasq_entry),
			   .value_at = offsetof(struct nomasq_entry, value),
			   .value_size = sizeof(struct nomasq) };
	struct address *own = NULL;
	size_t count = 0;
	int err = nl ? address_list(nl, &own, &count, e) : 0;

	*wanted = t;
	if (err)
		return err;
	for (size_t i = 0; i < options->native_cidr_count; i++)
		nomasq_add(&t, &options->native_cidrs[i], NOMASQ_NATIVE);
	if (options->enable_ip_masq_agent)
		agent_add(node, &t);
	for (size_t i = 0; i < count; i++)
		own_add(&t, &own[i]);
	nodes_add(facts, &t);
	for (size_t i = 0; i < facts->block_count; i++)
		nomasq_add(&t, &facts->blocks[i].block.prefix, NOMASQ_POD);
	for (size_t i = 0; i < facts->claim_count; i++)
		nomasq_add(&t, &facts->claims[i].prefix, NOMASQ_POD);
	free(own);
	*wanted = t;
	return 0;
}

int sync_nomasq(struct node *node, const struct facts *facts, const struct options *options,
		struct netlink *nl, struct error *e)
{
	struct table t;
	int err = want_nomasq(node, facts, options, nl, &t, e);

	if (!err)
		err = table_apply(node, PIN_NOMASQ, &t, e);
	free(t.rows);
	return err;
}

/*
 * The node's own addresses come and go without us, and what a pod sends to one never leaves: their
 * entries are as good as the last sync, and no difference.
 */
int tries_compare(struct node *node, const struct facts *facts, const struct options *options,
		  const struct trie_report *report, struct error *e)
{
	struct table cidrs = want_cidrs(node, facts), nomasq;
	int err = table_compare(node, PIN_CIDRS, &cidrs, CIDR_NONE, report, e);

	free(cidrs.rows);
	if (err)
		return err;
	err = want_nomasq(node, facts, options, NULL, &nomasq, e);
	if (!err)
		err = table_compare(node, PIN_NOMASQ, &nomasq, NOMASQ_BROADCAST, report, e);
	free(nomasq.rows);
	return err;
}

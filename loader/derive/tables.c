// SPDX-License-Identifier: GPL-2.0-only
/* The derived maps as tables: their rows, what violations call them, and who makes them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/derive/derive.h"
#include "loader/services/plan.h"
#include "maps/cidrs.h"
#include "maps/ips.h"
#include "maps/nomasq.h"
#include "maps/ranges.h"

struct chunk_row { struct ips_key key; struct ips_chunk chunk; };
struct ipam_row { __u32 zero; struct ipam ipam; };
struct pool_id_row { struct pool_name name; __u32 id; };
struct pod_ip_row { struct addr addr; struct pod_ip ip; };
struct cidr_row { struct cidr_key key; struct cidr cidr; };
struct ranges_row { __u32 zero; struct ranges ranges; };
struct nomasq_row { struct cidr_key key; struct nomasq nomasq; };

static void name_cidr(const struct row_list *rows, const struct cidr_key *key, char text[ROW_NAME])
{
	struct prefix prefix = { .length = key->length };
	char cidr[PREFIX_TEXT];

	memcpy(prefix.addr.byte, key->addr.byte, sizeof(key->addr.byte));
	snprintf(text, ROW_NAME, "%s: %s", pinned_map_names[rows->table->map], prefix_format(&prefix, cidr));
}

static void name_chunk(const struct row_list *rows, const struct ips_key *key, const char *what,
		       char text[ROW_NAME])
{
	const struct block_entry *b = state_block(rows->state, key->block);
	char cidr[PREFIX_TEXT];

	if (b)
		snprintf(text, ROW_NAME, "block %s: chunk %u of its %s",
			 prefix_format(&b->block.prefix, cidr), key->chunk, what);
	else
		snprintf(text, ROW_NAME, "%s: chunk %u of block %u", what, key->chunk, key->block);
}

void row_name(const struct row_list *rows, const void *row, char text[ROW_NAME])
{
	const struct pool_cidr_key *cidr = row;
	const char *map = pinned_map_names[rows->table->map];
	const struct backend *backend;
	char prefix[FRONTEND_TEXT];

	switch (rows->table - derived_tables) {
	case MAP_IPS:
		return name_chunk(rows, row, "bitmap", text);
	case MAP_EXCLUDED:
		return name_chunk(rows, row, "excluded addresses", text);
	case MAP_CIDRS:
	case MAP_NOMASQ:
		return name_cidr(rows, row, text);
	case MAP_BLOCKS:
		prefix_format(&((const struct block_entry *)row)->block.prefix, prefix);
		snprintf(text, ROW_NAME, "block %s", prefix);
		break;
	case MAP_POOLS:
		snprintf(text, ROW_NAME, "pool %.*s", PP_NAME, ((const struct pool_entry *)row)->pool.name);
		break;
	case MAP_POOL_IDS:
		snprintf(text, ROW_NAME, "%s: %.*s", map, PP_NAME, ((const struct pool_name *)row)->name);
		break;
	case MAP_POOL_CIDRS:
		snprintf(text, ROW_NAME, "pool %s (%u): %s CIDR %u", state_pool_name(rows->state, cidr->pool),
			 cidr->pool, cidr->family == FAMILY_IPV4 ? "ipv4" : "ipv6", cidr->index);
		break;
	case MAP_POD_IPS:
		snprintf(text, ROW_NAME, "%s: %s", map, addr_format(row, prefix));
		break;
	case MAP_PODS:
		snprintf(text, ROW_NAME, "slot %u", ((const struct pod_entry *)row)->slot);
		break;
	case MAP_SERVICES:
		snprintf(text, ROW_NAME, "frontend %s", frontend_format(row, prefix));
		break;
	case MAP_BACKENDS:
		backend = &((const struct backend_row *)row)->backend;
		snprintf(text, ROW_NAME, "backend %u: %s:%u", ((const struct backend_row *)row)->id,
			 addr_format(&backend->address, prefix), backend->port);
		break;
	default:
		snprintf(text, ROW_NAME, "%s", map);
	}
}

/* Address by address. */
static bool explain_chunk(const void *is, const void *expected, const struct row_list *rows,
			  const struct row_report *report)
{
	const struct chunk_row *has = is, *must = expected;
	char cidr[PREFIX_TEXT], text[ADDR_TEXT];
	const struct block_entry *b;

	if (!is || !expected)
		return false;
	b = state_block(rows->state, must->key.block);
	prefix_format(&b->block.prefix, cidr);
	for (uint32_t i = 0; i < CHUNK_ADDRESSES; i++) {
		struct addr addr = addr_add(&b->block.prefix.addr, must->key.chunk * CHUNK_ADDRESSES + i);
		bool leased = must->chunk.word[i / 64] >> (i % 64) & 1;

		if (leased != (has->chunk.word[i / 64] >> (i % 64) & 1))
			row_violation(report, "block %s: %s is %s", cidr, addr_format(&addr, text),
				      leased ? "leased and its bit is clear"
					     : "marked as in use and no lease has it");
	}
	return true;
}

static bool explain_slot(const void *is, const void *expected, const struct row_list *rows,
			 const struct row_report *report)
{
	const struct pod_entry *has = is, *must = expected;

	(void)rows;
	if (!has || !must || must->pod.state != POD_FREE || has->pod.state == POD_FREE)
		return false;
	row_violation(report, "slot %u: is in use and no lease has it", has->slot);
	return true;
}

/*
 * The node's own addresses come and go without us, and what a pod sends to one never leaves: their rows are
 * as good as the last synchronization, and no difference.
 */
static bool is_own(const void *row)
{
	return ((const struct nomasq_row *)row)->nomasq.reason <= NOMASQ_BROADCAST;
}

static bool is_free(const void *row)
{
	return ((const struct backend_row *)row)->backend.state == BACKEND_FREE;
}

#define FIELD(type, member) { #member, offsetof(struct type, member), sizeof(((struct type *)0)->member) }
#define POOL_FIELD(f, name, member) { name " " #member, offsetof(struct pool, family[f].member), 4 }
#define POOL_FIELDS(f, name)                                                                              \
	POOL_FIELD(f, name, blocks), POOL_FIELD(f, name, empty), POOL_FIELD(f, name, capacity),          \
		POOL_FIELD(f, name, in_use), POOL_FIELD(f, name, draining), POOL_FIELD(f, name, first),  \
		POOL_FIELD(f, name, last), POOL_FIELD(f, name, hint)

static const struct row_field block_fields[] = {
	FIELD(block, family), FIELD(block, size),     FIELD(block, low),  FIELD(block, high), FIELD(block, cursor),
	FIELD(block, used),   FIELD(block, excluded), FIELD(block, prev), FIELD(block, next),
	FIELD(block, full),
};
static const struct row_field pool_fields[] = {
	POOL_FIELDS(FAMILY_IPV4, "ipv4"), POOL_FIELDS(FAMILY_IPV6, "ipv6"),
};
static const struct row_field ipam_fields[] = {
	FIELD(ipam, pools), FIELD(ipam, blocks), FIELD(ipam, leases), FIELD(ipam, pods), FIELD(ipam, last_pool),
	FIELD(ipam, last_block), FIELD(ipam, last_pod),
};
static const struct row_field pod_ip_fields[] = { FIELD(pod_ip, slot), FIELD(pod_ip, generation) };
static const struct row_field pod_fields[] = {
	FIELD(pod, state), FIELD(pod, generation), FIELD(pod, ifindex), FIELD(pod, ip),
};
static const struct row_field ranges_fields[] = {
	{ "the cover of the blocks", 0, offsetof(struct ranges, own) },
};
static const struct row_field service_fields[] = {
	FIELD(service, id), FIELD(service, kind), FIELD(service, flags), FIELD(service, affinity),
	{ "set of endpoints outside", offsetof(struct service, outside), sizeof(struct extent) },
	{ "set of endpoints inside", offsetof(struct service, inside), sizeof(struct extent) },
};
static const struct row_field backend_fields[] = {
	FIELD(backend, address), FIELD(backend, service),
};

const struct row_table derived_tables[DERIVED_MAPS] = {
	[MAP_IPS] = { PIN_IPS, ROW_SIZES(struct chunk_row, key, chunk), .explain = explain_chunk },
	[MAP_BLOCKS] = { PIN_BLOCKS, ROW_SIZES(struct block_entry, id, block), ROW_FIELDS(block_fields) },
	[MAP_POOLS] = { PIN_POOLS, ROW_SIZES(struct pool_entry, id, pool), ROW_FIELDS(pool_fields) },
	[MAP_IPAM] = { PIN_IPAM, ROW_SIZES(struct ipam_row, zero, ipam), ROW_FIELDS(ipam_fields) },
	[MAP_POOL_IDS] = { PIN_POOL_IDS, ROW_SIZES(struct pool_id_row, name, id) },
	/* a cursor follows from nothing else */
	[MAP_POOL_CIDRS] = { PIN_POOL_CIDRS, ROW_SIZES(struct pool_cidr_entry, key, cidr), .keys_only = true },
	[MAP_POD_IPS] = { PIN_POD_IPS, ROW_SIZES(struct pod_ip_row, addr, ip), ROW_FIELDS(pod_ip_fields) },
	[MAP_PODS] = { PIN_PODS, ROW_SIZES(struct pod_entry, slot, pod), ROW_FIELDS(pod_fields),
		       .explain = explain_slot },
	[MAP_EXCLUDED] = { PIN_EXCLUDED, ROW_SIZES(struct chunk_row, key, chunk), .write = excluded_write },
	/* the value's kind is also its rank: of two with one prefix the lower stays */
	[MAP_CIDRS] = { PIN_CIDRS, ROW_SIZES(struct cidr_row, key, cidr) },
	[MAP_RANGES] = { PIN_RANGES, ROW_SIZES(struct ranges_row, zero, ranges), ROW_FIELDS(ranges_fields),
			 .write = ranges_write },
	[MAP_NOMASQ] = { PIN_NOMASQ, ROW_SIZES(struct nomasq_row, key, nomasq), .may_stay = is_own },
	[MAP_NEW_BACKENDS] = { PIN_BACKENDS, ROW_SIZES(struct backend_row, id, backend), .partial = true },
	[MAP_MEMBERS] = { PIN_MEMBERS, ROW_SIZES(struct member_row, index, backend), .partial = true },
	[MAP_SOURCES] = { PIN_SOURCE_RANGES, ROW_SIZES(struct source_row, key, one) },
	[MAP_SERVICES] = { PIN_SERVICES, ROW_SIZES(struct service_row, key, service),
			   ROW_FIELDS(service_fields), .write = service_write },
	[MAP_BACKENDS] = { PIN_BACKENDS, ROW_SIZES(struct backend_row, id, backend), ROW_FIELDS(backend_fields),
			   .is_empty = is_free, .write = backend_write },
};

struct part {
	unsigned int maps;
	int (*rows)(const struct sources *x, struct row_list *rows, struct error *e);
};

/* After an error its later maps are left as they are: they may lead to what was not written. */
static int run_part(const struct sources *x, const struct part *part, unsigned int maps,
		    const struct row_report *report, struct error *e)
{
	struct row_list rows[DERIVED_MAPS];
	int made, err = 0;

	for (int m = 0; m < DERIVED_MAPS; m++)
		rows[m] = (struct row_list){ .table = &derived_tables[m], .state = x->state };
	made = part->rows(x, rows, e);
	for (int m = 0; m < DERIVED_MAPS; m++) {
		if (!err && (!made || made == -ENOSPC) && (maps & part->maps & 1U << m))
			err = report ? rows_compare(x->node, &rows[m], report, e) :
				       rows_apply(x->node, &rows[m], e);
		rows_free(&rows[m]);
	}
	return err || made >= 0 ? err : made;
}

/* Compares or applies (@report NULL) the maps of the mask. All are tried, the first error returns. */
static int for_each(const struct sources *x, unsigned int maps, const struct row_report *report,
		    struct error *e)
{
	static const struct part parts[] = {
		{ DERIVED_LEASES, lease_rows }, { DERIVED_EXCLUDED, excluded_rows },
		{ DERIVED_CIDRS, cidrs_rows },  { DERIVED_RANGES, ranges_rows },
		{ DERIVED_NOMASQ, nomasq_rows }, { DERIVED_SERVICES, services_rows },
	};
	int first = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int err = maps & parts[i].maps ? run_part(x, &parts[i], maps, report, first ? NULL : e) : 0;

		first = first ? first : err;
	}
	return first;
}

int derived_apply(const struct sources *x, unsigned int maps, struct error *e)
{
	return for_each(x, maps, NULL, e);
}

int derived_compare(const struct sources *x, unsigned int maps, const struct row_report *report,
		    struct error *e)
{
	struct sources without_own = *x;

	without_own.nl = NULL;
	return for_each(&without_own, maps, report, e);
}

int derived_apply_prefixes(const struct sources *x, const struct prefix *prefixes, size_t count,
			   struct error *e)
{
	struct row_list rows[DERIVED_MAPS];
	struct cidr_key *keys = xcalloc(count, sizeof(*keys));
	int err;

	for (size_t i = 0; i < count; i++) {
		keys[i].length = prefixes[i].length;
		memcpy(keys[i].addr.byte, prefixes[i].addr.byte, sizeof(keys[i].addr.byte));
	}
	for (int m = 0; m < DERIVED_MAPS; m++)
		rows[m] = (struct row_list){ .table = &derived_tables[m], .state = x->state };
	err = cidrs_rows(x, rows, e);
	if (!err)
		err = rows_apply_keys(x->node, &rows[MAP_CIDRS], keys, count, e);
	if (!err)
		err = nomasq_rows(x, rows, e);
	if (!err)
		err = rows_apply_keys(x->node, &rows[MAP_NOMASQ], keys, count, e);
	rows_free(&rows[MAP_CIDRS]);
	rows_free(&rows[MAP_NOMASQ]);
	free(keys);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Blocks, pools and objects: what no map is derived from. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/blocks/list.h"
#include "loader/check/audit_parts.h"
#include "loader/derive/overlaps.h"

#define LOCK_SECONDS 60

static void check_block(struct audit *a, size_t n)
{
	const struct block *b = &a->s.blocks[n].block;
	const struct pool_entry *pool = state_pool(&a->s, b->pool);
	struct block_lists lists = state_block_lists(a->node, &a->s);
	bool covered = pool && state_covers(&a->s, pool, &b->prefix);
	enum block_state expected = block_expected_state(&lists, covered, &b->prefix);
	char cidr[PREFIX_TEXT];

	prefix_format(&b->prefix, cidr);
	if (!pool)
		violation(a, "block %s: its pool %u does not exist", cidr, b->pool);
	if (b->state != expected)
		violation(a, "block %s: state is %s, expected %s (pool \"%s\")", cidr,
			  block_state_name(b->state), block_state_name(expected),
			  state_pool_name(&a->s, b->pool));
	if (b->state == BLOCK_DRAINING && !b->used)
		violation(a, "block %s: is draining and empty", cidr);
}

struct range {
	struct prefix prefix;
	const char *owner; /* another node; NULL: a block of ours */
};

static int by_prefix(const void *a, const void *b)
{
	return prefix_compare(&((const struct range *)a)->prefix,
			      &((const struct range *)b)->prefix);
}

/* Sorted, what overlaps anything overlaps the widest range that began before it. */
static void check_overlaps(struct audit *a)
{
	size_t count = a->s.block_count + a->s.claim_count;
	struct range *list = xcalloc(count, sizeof(*list)), *widest = list;
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	for (size_t i = 0; i < a->s.block_count; i++)
		list[i].prefix = a->s.blocks[i].block.prefix;
	for (size_t i = 0; i < a->s.claim_count; i++)
		list[a->s.block_count + i] = (struct range){ a->s.claims[i].prefix, a->s.claims[i].node };
	if (count)
		qsort(list, count, sizeof(*list), by_prefix);
	for (size_t i = 1; i < count; i++) {
		if (!prefix_overlaps(&widest->prefix, &list[i].prefix)) {
			widest = &list[i];
			continue;
		}
		/* what two other nodes claim was refused or warned of when it was applied */
		if (!widest->owner || !list[i].owner)
			violation(a, "block %s of %s overlaps %s of %s",
				  prefix_format(&widest->prefix, x), widest->owner ?: "this node",
				  prefix_format(&list[i].prefix, y), list[i].owner ?: "this node");
	}
	free(list);
}

static void check_list(struct audit *a)
{
	struct error e;

	if (!block_list_is_current(a->node))
		violation(a, "%s: does not list the blocks that this node holds",
			  a->node->config.state_file);
	if (block_list_probe(a->node, &e))
		violation(a, "%s", e.text);
}

static void check_pool(struct audit *a, const struct pool *p)
{
	json_t *object = store_get(&a->node->pins, OBJECT_POOL, p->name);

	if (p->state != POOL_ACTIVE && p->state != POOL_TERMINATING)
		violation(a, "pool %s: invalid state %d", p->name, p->state);
	if (p->state == POOL_TERMINATING && !p->family[0].blocks && !p->family[1].blocks)
		violation(a, "pool %s: is terminating and has no block", p->name);
	if (!object)
		violation(a, "pool %s: its object cannot be read; apply it again", p->name);
	json_decref(object);
}

static void report_overlap(const struct overlap *o, void *arg)
{
	char cidr[PREFIX_TEXT], text[EXCLUSION_TEXT];

	violation(arg, "pool \"%s\": CIDR %s overlaps %s; use a range that is free", o->pool,
		  prefix_format(&o->cidr, cidr), exclusion_text(o->exclusion, text));
}

/* Objects whose text or JSON is broken; store_list() leaves them out. */
static void check_objects(struct audit *a, enum pinned_map map)
{
	int fd = pins_map(&a->node->pins, map);
	struct object_key key, *before = NULL;
	char name[STORE_NAME];
	json_t *json;

	while (fd >= 0 && !bpf_map_get_next_key(fd, before, &key)) {
		before = &key;
		if (key.chunk)
			continue;
		json = store_get(&a->node->pins, key.kind, store_key_name(&key, name));
		if (!json)
			violation(a, "object %s of kind %d: cannot be read; apply it again", name, key.kind);
		json_decref(json);
	}
}

static void check_lock(struct audit *a)
{
	uint64_t held = a->s.ipam.lock / 1000000000, now = ipam_boot_seconds();

	if (a->s.ipam.lock && now > held + LOCK_SECONDS)
		violation(a, "pp_ipam: transaction lock held for %llu s", (unsigned long long)(now - held));
}

void audit_blocks(struct audit *a)
{
	for (size_t n = 0; n < a->s.block_count; n++)
		check_block(a, n);
	check_overlaps(a);
	check_list(a);
	overlaps_report(a->node, &a->s, report_overlap, a);
	for (size_t n = 0; n < a->s.pool_count; n++)
		check_pool(a, &a->s.pools[n].pool);
	check_objects(a, PIN_OBJECTS);
	check_objects(a, PIN_NODES);
	check_objects(a, PIN_METADATA);
	check_objects(a, PIN_ENDPOINTS);
	check_lock(a);
}

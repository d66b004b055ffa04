// SPDX-License-Identifier: GPL-2.0-only
/* pinpool get blocks: the PodCIDRs that this node holds. */
#include <string.h>

#include "loader/cmd/get.h"

static int read_blocks(struct get *get, struct error *e)
{
	struct state *state = &get->state;
	int err = state_read(get->node, STATE_POOLS | STATE_BLOCKS, state, e);

	get->list = state->blocks;
	get->count = state->block_count;
	state->blocks = NULL;
	state->block_count = 0;
	return err;
}

/* By pool, IPv4 first, by prefix: the order of CiliumNode's allocated. */
static int by_pool_and_prefix(const void *a, const void *b, const struct get *get)
{
	const struct block *x = &((const struct block_entry *)a)->block;
	const struct block *y = &((const struct block_entry *)b)->block;
	int order = strcmp(state_pool_name(&get->state, x->pool),
			   state_pool_name(&get->state, y->pool));

	return order ? order : prefix_compare(&x->prefix, &y->prefix);
}

/* A CIDR or a pool. */
static bool is_named(const struct get *get, const void *entry)
{
	const struct block *b = &((const struct block_entry *)entry)->block;
	char cidr[PREFIX_TEXT];

	return !strcmp(get->name, prefix_format(&b->prefix, cidr)) ||
	       !strcmp(get->name, state_pool_name(&get->state, b->pool));
}

static json_t *item_of(const struct get *get, const void *entry)
{
	const struct block *b = &((const struct block_entry *)entry)->block;
	char cidr[PREFIX_TEXT], created[32];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "pool",
			 state_pool_name(&get->state, b->pool), "cidr",
			 prefix_format(&b->prefix, cidr), "family", family_name(b->family), "node",
			 get->node->config.node, "state", block_state_name(b->state), "usable",
			 (json_int_t)block_capacity(b), "used", (json_int_t)b->used, "free",
			 (json_int_t)block_free(b), "creationTimestamp",
			 time_text(b->created, created));
}

static const struct column columns[] = {
	COLUMN("POOL", "pool"),	COLUMN("CIDR", "cidr"), COLUMN("NODE", "node"), COLUMN("STATE", "state"),
	COLUMN("USABLE", "usable"), COLUMN("USED", "used"), COLUMN("FREE", "free"), {},
};

const struct get_kind get_blocks = {
	.name = "block", .name_path = "cidr", .columns = columns, .size = sizeof(struct block_entry),
	.read = read_blocks, .is_named = is_named, .order = by_pool_and_prefix, .item = item_of,
};

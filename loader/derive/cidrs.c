// SPDX-License-Identifier: GPL-2.0-only
/* pp_cidrs: whose each range is. */
#include <string.h>

#include "loader/derive/derive.h"
#include "maps/cidrs.h"

void cidr_row_add(struct row_list *rows, const struct prefix *prefix, const void *value)
{
	struct cidr_key key = { .length = prefix->length };

	memcpy(key.addr.byte, prefix->addr.byte, sizeof(key.addr.byte));
	rows_add(rows, &key, value);
}

static void add_pool(struct row_list *rows, const struct state *s, const struct pool_entry *p)
{
	for (int f = 0; f < FAMILIES && p->pool.state == POOL_ACTIVE; f++) {
		size_t count;
		const struct pool_cidr_entry *cidrs = state_cidrs(s, p, f, &count);

		for (size_t i = 0; i < count; i++)
			cidr_row_add(rows, &cidrs[i].cidr.cidr,
				     &(struct cidr){ .kind = CIDR_POOL, .pool = p->id });
	}
}

int cidrs_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	const struct state *s = x->state;

	(void)e;
	rows += MAP_CIDRS;
	for (size_t i = 0; i < s->block_count; i++) {
		const struct block *b = &s->blocks[i].block;

		cidr_row_add(rows, &b->prefix, &(struct cidr){ .kind = CIDR_LOCAL, .pool = b->pool,
							       .block = s->blocks[i].id });
	}
	for (size_t i = 0; i < s->claim_count; i++) {
		const struct claim *c = &s->claims[i];
		const struct pool_entry *pool = state_pool_named(s, c->pool);

		cidr_row_add(rows, &c->prefix, &(struct cidr){ .kind = CIDR_REMOTE,
							       .pool = pool ? pool->id : 0,
							       .next_hop = c->next_hop });
	}
	for (size_t i = 0; i < s->pool_count; i++)
		add_pool(rows, s, &s->pools[i]);
	return 0;
}

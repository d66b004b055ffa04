// SPDX-License-Identifier: GPL-2.0-only
/* The rows of pp_remote searched, and compared with the objects. */
#include <stdio.h>
#include <string.h>

#include "loader/ipam/remote.h"

const char *remote_name(const struct remote *r, uint32_t name)
{
	return name < r->names_size ? r->names + name : "?";
}

static void find(const struct remote_row *rows, size_t count, const struct prefix *prefix,
		 size_t *from, size_t *to)
{
	const struct prefix_list list = { rows, count, sizeof(*rows) };

	*from = *to = prefix_list_find(&list, 0, &prefix->addr);
	while (*to < count && prefix_overlaps(&rows[*to].prefix, prefix))
		++*to;
}

void remote_find_blocks(const struct remote *r, const struct prefix *prefix, size_t *from, size_t *to)
{
	find(r->blocks, r->block_count, prefix, from, to);
}

void remote_find_addresses(const struct remote *r, const struct prefix *prefix, size_t *from, size_t *to)
{
	find(r->addresses, r->address_count, prefix, from, to);
}

bool remote_is_claimed(const struct remote *r, const struct prefix *prefix)
{
	size_t from, to;

	remote_find_blocks(r, prefix, &from, &to);
	return from < to;
}

struct claim remote_claim(const struct remote *r, const struct remote_row *row,
			  const char *default_pool)
{
	struct claim claim = { .prefix = row->prefix, .node = remote_name(r, row->node),
			       .next_hop = row->next_hop };

	snprintf(claim.pool, sizeof(claim.pool), "%s",
		 row->pool ? remote_name(r, row->pool) : default_pool);
	return claim;
}

/* Rows as an order of all that they say, with names for places. */
static int compare_rows(const struct remote *a, const struct remote_row *x, const struct remote *b,
			const struct remote_row *y)
{
	return prefix_compare(&x->prefix, &y->prefix) ?: (int)x->kind - (int)y->kind ?:
	       strcmp(remote_name(a, x->node), remote_name(b, y->node)) ?:
	       strcmp(remote_name(a, x->pool), remote_name(b, y->pool)) ?:
	       addr_compare(&x->next_hop, &y->next_hop);
}

static void compare_section(const struct remote *is, const struct remote_row *x, size_t xs,
			    const struct remote *must, const struct remote_row *y, size_t ys,
			    void (*fn)(const struct remote_row *, const char *, const char *, void *),
			    void *arg)
{
	size_t i = 0, j = 0;

	while (i < xs || j < ys) {
		int order = i == xs ? 1 : j == ys ? -1 : compare_rows(is, &x[i], must, &y[j]);

		if (order < 0)
			fn(&x[i], remote_name(is, x[i].node), "unexpected", arg);
		else if (order > 0)
			fn(&y[j], remote_name(must, y[j].node), "missing", arg);
		i += order <= 0;
		j += order >= 0;
	}
}

int remote_compare(struct context *node,
		   void (*fn)(const struct remote_row *row, const char *name, const char *what, void *arg),
		   void *arg, struct error *e)
{
	struct remote is, must;
	int err = remote_read(node, &is, e);

	if (err)
		return err;
	err = remote_build(node, &must, e);
	if (!err) {
		compare_section(&is, is.blocks, is.block_count, &must, must.blocks, must.block_count, fn,
				arg);
		compare_section(&is, is.addresses, is.address_count, &must, must.addresses,
				must.address_count, fn, arg);
	}
	remote_free(&is);
	remote_free(&must);
	return err;
}

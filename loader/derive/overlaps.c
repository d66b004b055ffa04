// SPDX-License-Identifier: GPL-2.0-only
/* Pools over addresses that no pod may get. */
#include <stdlib.h>
#include <string.h>

#include "loader/derive/overlaps.h"

/* No block is made over a reserved range, so that what lies in one is in nobody's way. */
static bool is_reserved(const struct pool_family_spec *f, const struct prefix *cidr,
			const struct prefix *prefix)
{
	const struct prefix *inner = prefix_covers(cidr, prefix) ? prefix : cidr;
	struct addr last = addr_last(inner);

	for (size_t i = 0; i < f->reserved_count; i++)
		if (addr_compare(&f->reserved[i].start, &inner->addr) <= 0 &&
		    addr_compare(&last, &f->reserved[i].end) <= 0)
			return true;
	return false;
}

const struct exclusion *overlap_next(const struct exclusions *x, const struct prefix *cidr,
				     const struct pool_family_spec *f, size_t *at)
{
	while (*at < x->count) {
		const struct exclusion *e = &x->list[(*at)++];

		if (prefix_overlaps(&e->prefix, cidr) && !is_reserved(f, cidr, &e->prefix))
			return e;
	}
	return NULL;
}

static void report_family(const struct state *s, const struct pool_entry *p, const struct pool_spec *spec,
			  enum family family, void (*fn)(const struct overlap *overlap, void *arg),
			  void *arg)
{
	struct overlap overlap = { .pool = p->pool.name };
	size_t count;
	const struct pool_cidr_entry *cidrs = state_cidrs(s, p, family, &count);

	for (size_t c = 0; c < count; c++) {
		size_t at = 0;

		overlap.cidr = cidrs[c].cidr.cidr;
		while ((overlap.exclusion = overlap_next(&s->exclusions, &overlap.cidr, &spec->family[family],
							 &at)))
			fn(&overlap, arg);
	}
}

void overlaps_report(struct context *node, const struct state *s,
		     void (*fn)(const struct overlap *overlap, void *arg), void *arg)
{
	for (size_t i = 0; i < s->pool_count; i++) {
		const struct pool_entry *p = &s->pools[i];
		struct pool_spec spec = {};
		json_t *json;

		if (p->pool.state != POOL_ACTIVE)
			continue;
		json = store_get(&node->pins, OBJECT_POOL, p->pool.name);
		if (!json || pool_spec_from_json(json, &spec, NULL))
			memset(&spec, 0, sizeof(spec));
		for (int f = 0; f < FAMILIES; f++)
			report_family(s, p, &spec, f, fn, arg);
		pool_spec_free(&spec);
		json_decref(json);
	}
}

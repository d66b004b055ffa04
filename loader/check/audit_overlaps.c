// SPDX-License-Identifier: GPL-2.0-only
/* Addresses that are a pod's, or could become one's, and something else's. */
#include <stdlib.h>
#include <string.h>

#include "loader/check/audit_parts.h"
#include "loader/derive/overlaps.h"

static void report(const struct overlap *o, void *arg)
{
	char cidr[PREFIX_TEXT], text[EXCLUSION_TEXT];

	violation(arg, "pool \"%s\": CIDR %s overlaps %s; use a range that is free", o->pool,
		  prefix_format(&o->cidr, cidr), exclusion_text(o->exclusion, text));
}

static void check_lease(struct audit *a, const struct lease_entry *l)
{
	char who[LEASE_TEXT], ip[ADDR_TEXT], text[EXCLUSION_TEXT];

	for (int f = 0; f < FAMILIES; f++) {
		struct prefix prefix = prefix_of(&l->lease.ip[f].address, 128);
		const struct exclusion *found = NULL;

		if (l->lease.ip[f].block)
			found = excluded_find(&a->s.facts.exclusions, &prefix);
		if (found)
			violation(a, "%s: its address %s overlaps %s; remove the pod", lease_text(l, who),
				  addr_format(&prefix.addr, ip), exclusion_text(found, text));
	}
}

static void check_map(struct audit *a)
{
	struct excluded_entry *want;
	size_t wants;

	excluded_wanted(&a->s.facts, &want, &wants);
	if (wants != a->s.excluded_count ||
	    (wants && memcmp(want, a->s.excluded, wants * sizeof(*want))))
		violation(a, "pp_excluded: is not up to date with the node's addresses; run 'pinpool gc'");
	free(want);
}

void audit_overlaps(struct audit *a)
{
	overlaps_report(a->node, &a->s.facts, report, a);
	for (size_t i = 0; i < a->s.lease_count; i++)
		check_lease(a, &a->s.leases[i]);
	check_map(a);
}

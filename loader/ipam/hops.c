// SPDX-License-Identifier: GPL-2.0-only
/* The next hops of claims, each looked up once however many blocks its node has. */
#include <stdlib.h>

#include "loader/base/memory.h"
#include "loader/ipam/hops.h"
#include "loader/ipam/state.h"
#include "loader/net/route.h"

struct hop {
	struct addr addr;
	uint32_t ifindex; /* 0: not on a common link */
	bool known;
};

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static void hops_fill(const struct state *s, struct hops *hops)
{
	size_t kept = 0;

	hops->list = xcalloc(s->claim_count, sizeof(*hops->list));
	for (size_t i = 0; i < s->claim_count; i++)
		hops->list[i].addr = s->claims[i].next_hop;
	if (s->claim_count)
		qsort(hops->list, s->claim_count, sizeof(*hops->list), by_addr);
	for (size_t i = 0; i < s->claim_count; i++)
		if (!kept || by_addr(&hops->list[kept - 1], &hops->list[i]))
			hops->list[kept++] = hops->list[i];
	hops->count = kept;
}

uint32_t state_claim_hop(const struct state *s, struct netlink *nl, const struct claim *claim)
{
	struct hops *hops = s->hops;
	struct hop *hop;

	if (!hops->list)
		hops_fill(s, hops);
	hop = hops->count ? bsearch(&claim->next_hop, hops->list, hops->count, sizeof(*hop), by_addr) :
			    NULL;
	if (!hop)
		return 0;
	if (!hop->known && route_is_onlink(nl, &hop->addr, &hop->ifindex, NULL) <= 0)
		hop->ifindex = 0;
	hop->known = true;
	return hop->ifindex;
}

void hops_free(struct hops *hops)
{
	if (hops)
		free(hops->list);
	free(hops);
}

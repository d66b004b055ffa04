// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of pods' interfaces. What a lease has recorded is recognized by index and name, without a
 * query of its alias.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/pod/link_list.h"

static void append(struct pod_link_entry **list, size_t *count, const struct link *link)
{
	struct pod_link_entry entry = { .ifindex = link->ifindex };

	entry.kind = pod_link_kind(link, &entry.alias);
	if (entry.kind == POD_LINK_FOREIGN)
		return;
	memcpy(entry.name, link->name, sizeof(entry.name));
	*list = xgrow(*list, *count, sizeof(**list));
	(*list)[(*count)++] = entry;
}

int pod_link_list(struct netlink *nl, struct pod_link_entry **list, size_t *count, struct error *e)
{
	struct link *links;
	size_t link_count;
	int err = link_list(nl, "veth", &links, &link_count, e);

	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < link_count; i++)
		append(list, count, &links[i]);
	free(links);
	return err;
}

static bool is_recorded(const struct netlink *nl, const struct lease *l)
{
	char name[IFNAMSIZ];

	return link_name(nl, l->ifindex, name) && !strcmp(name, l->host_ifname);
}

bool pod_link_exists(struct netlink *nl, const struct lease_entry *l)
{
	struct pod_alias who;
	struct link link;

	return is_recorded(nl, &l->lease) ||
	       (!link_get(nl, NULL, l->lease.ifindex, &link, NULL) &&
		pod_link_kind(&link, &who) == POD_LINK_COMPLETE &&
		who.generation == l->lease.generation && !memcmp(&who.owner, &l->owner, sizeof(l->owner)));
}

static int by_ifindex(const void *a, const void *b)
{
	uint32_t x = (*(const struct lease *const *)a)->ifindex;
	uint32_t y = (*(const struct lease *const *)b)->ifindex;

	return x < y ? -1 : x > y;
}

/* The bound leases by their interfaces. The caller frees it. */
static const struct lease **index_bound(const struct lease_entry *leases, size_t lease_count, size_t *count)
{
	const struct lease **bound = xcalloc(lease_count, sizeof(*bound));

	*count = 0;
	for (size_t i = 0; i < lease_count; i++)
		if (leases[i].lease.state == LEASE_BOUND)
			bound[(*count)++] = &leases[i].lease;
	if (*count)
		qsort(bound, *count, sizeof(*bound), by_ifindex);
	return bound;
}

int pod_link_list_others(struct netlink *nl, const struct lease_entry *leases, size_t lease_count,
			 struct pod_link_entry **list, size_t *count, struct error *e)
{
	size_t bound_count, index_count;
	const struct lease **bound = index_bound(leases, lease_count, &bound_count);
	uint32_t *indexes;
	int err = link_indexes(nl, &indexes, &index_count, e);

	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < index_count; i++) {
		const struct lease key = { .ifindex = indexes[i] }, *wanted = &key, **found = NULL;
		struct link link;

		if (bound_count)
			found = bsearch(&wanted, bound, bound_count, sizeof(*bound), by_ifindex);
		if (!(found && is_recorded(nl, *found)) && !link_get(nl, NULL, indexes[i], &link, NULL))
			append(list, count, &link);
	}
	free(indexes);
	free(bound);
	return err;
}

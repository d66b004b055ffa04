// SPDX-License-Identifier: GPL-2.0-only
/* Blocks and addresses in CiliumNode objects. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "loader/ipam/claims.h"
#include "loader/kernel/map.h"

bool ciliumnode_address(const json_t *ciliumnode, const char *type, enum family family,
			struct addr *addr)
{
	const json_t *list = json_object_get(json_object_get(ciliumnode, "spec"), "addresses"), *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *t = json_string_value(json_object_get(entry, "type"));
		const char *ip = json_string_value(json_object_get(entry, "ip"));
		struct addr found;

		if (!t || !ip || strcmp(t, type) || addr_parse(ip, &found) || addr_family(&found) != family)
			continue;
		*addr = found;
		return true;
	}
	return false;
}

static void add(const json_t *ciliumnode, const char *pool, const json_t *cidrs,
		struct claim **list, size_t *count)
{
	const char *node = json_string_value(
		json_object_get(json_object_get(ciliumnode, "metadata"), "name"));
	const json_t *cidr;
	size_t i;

	json_array_foreach(cidrs, i, cidr) {
		struct claim claim = { .node = node };

		if (!pool || !json_is_string(cidr) ||
		    prefix_parse(json_string_value(cidr), &claim.prefix) < 0)
			continue;
		snprintf(claim.pool, sizeof(claim.pool), "%s", pool);
		ciliumnode_address(ciliumnode, "InternalIP", prefix_family(&claim.prefix),
				   &claim.next_hop);
		*list = xrealloc(*list, (*count + 1) * sizeof(**list));
		(*list)[(*count)++] = claim;
	}
}

void claims_of(const json_t *ciliumnode, const char *default_pool, struct claim **list,
	       size_t *count)
{
	const json_t *ipam = json_object_get(json_object_get(ciliumnode, "spec"), "ipam");
	const json_t *allocated = json_object_get(json_object_get(ipam, "pools"), "allocated"), *entry;
	size_t i;

	add(ciliumnode, default_pool, json_object_get(ipam, "podCIDRs"), list, count);
	json_array_foreach(allocated, i, entry)
		add(ciliumnode, json_string_value(json_object_get(entry, "pool")),
		    json_object_get(entry, "cidrs"), list, count);
}

static int by_prefix(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

void claims_sort(struct claim *list, size_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), by_prefix);
}

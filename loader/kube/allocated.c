// SPDX-License-Identifier: GPL-2.0-only
/* The blocks that a CiliumNode lists. */
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/allocated.h"
#include "loader/text/text.h"

static json_t *child(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_object(value)) {
		value = json_object();
		json_object_set_new(object, key, value);
	}
	return value;
}

json_t *ciliumnode_pools(json_t *ciliumnode)
{
	return child(child(child(ciliumnode, "spec"), "ipam"), "pools");
}

static bool is_prefix(const json_t *text, struct prefix *prefix)
{
	return json_is_string(text) && prefix_parse(json_string_value(text), prefix) >= 0;
}

bool allocated_has(const json_t *ciliumnode, const struct prefix *prefix)
{
	json_t *entry, *text;
	struct prefix at;
	size_t i, k;

	json_array_foreach(json_get_path(ciliumnode, "spec.ipam.pools.allocated"), i, entry)
		json_array_foreach(json_object_get(entry, "cidrs"), k, text)
			if (*json_text(entry, "pool") && is_prefix(text, &at) && prefix_equal(&at, prefix))
				return true;
	return false;
}

void allocated_remove(json_t *ciliumnode, const struct prefix *prefix)
{
	json_t *list = json_get_path(ciliumnode, "spec.ipam.pools.allocated");
	struct prefix at;

	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *cidrs = json_object_get(json_array_get(list, i), "cidrs");
		size_t before = json_array_size(cidrs);

		for (size_t k = before; k-- > 0;)
			if (is_prefix(json_array_get(cidrs, k), &at) && prefix_equal(&at, prefix))
				json_array_remove(cidrs, k);
		if (before && !json_array_size(cidrs))
			json_array_remove(list, i);
	}
}

void allocated_add(json_t *ciliumnode, const char *pool, const struct prefix *prefix)
{
	json_t *pools = ciliumnode_pools(ciliumnode), *list = json_object_get(pools, "allocated"), *entry, *cidrs = NULL;
	char text[PREFIX_TEXT];
	size_t i;

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(pools, "allocated", list);
	}
	json_array_foreach(list, i, entry)
		if (!strcmp(json_text(entry, "pool"), pool))
			cidrs = json_object_get(entry, "cidrs");
	if (!json_is_array(cidrs)) {
		cidrs = json_array();
		json_array_append_new(list, json_pack("{s:s, s:o}", "pool", pool, "cidrs", cidrs));
	}
	json_array_append_new(cidrs, json_string(prefix_format(prefix, text)));
}

bool prefixes_have(const struct prefix *list, size_t count, const struct prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&list[i], prefix))
			return true;
	return false;
}

void prefixes_add(struct prefix **list, size_t *count, const struct prefix *prefix)
{
	if (prefixes_have(*list, *count, prefix))
		return;
	*list = xgrow(*list, *count, sizeof(**list));
	(*list)[(*count)++] = *prefix;
}

void prefixes_remove(struct prefix *list, size_t *count, const struct prefix *prefix)
{
	for (size_t i = 0; i < *count; i++)
		if (prefix_equal(&list[i], prefix))
			list[i--] = list[--*count];
}

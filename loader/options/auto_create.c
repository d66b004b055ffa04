// SPDX-License-Identifier: GPL-2.0-only
/* auto-create-cilium-pod-ip-pools: "key:value;key:value" for each pool becomes a CiliumPodIPPool. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/schema.h"
#include "loader/options/table.h"
#include "loader/manifest/pool_spec.h"

struct created_pool {
	json_t *cidrs[FAMILIES]; /* owned; canonical text */
	uint32_t mask[FAMILIES]; /* 0: not given */
	bool allow_first, allow_last;
};

static int read_cidrs(json_t *cidrs, enum family family, const char *key, const char *value,
		      struct error *e)
{
	size_t length;

	for (;; value += length + 1) {
		char text[PREFIX_TEXT] = "";
		struct prefix prefix;

		length = strcspn(value, ",");
		if (length < sizeof(text))
			memcpy(text, value, length);
		if (prefix_parse(text, &prefix) < 0 || prefix_family(&prefix) != family)
			return error_set(e, -EINVAL,
					 "invalid value for key \"%s\": \"%.*s\" is not an %s CIDR; write address/length",
					 key, (int)(length < 80 ? length : 80), value,
					 family == FAMILY_IPV4 ? "IPv4" : "IPv6");
		if (json_array_append_new(cidrs, json_string(prefix_format(&prefix, text))))
			abort();
		if (!value[length])
			return 0;
	}
}

static int read_mask(uint32_t *mask, enum family family, const char *key, const char *value,
		     struct error *e)
{
	uint32_t high = family == FAMILY_IPV4 ? 32 : 128;

	if (number_parse(value, high, mask) || !*mask)
		return error_set(e, -EINVAL,
				 "invalid value for key \"%s\": \"%.80s\" is not a prefix length; use 1 to %u",
				 key, value, high);
	return 0;
}

static int read_allow(bool *allow, const char *key, const char *value, struct error *e)
{
	if (bool_parse(value, allow))
		return error_set(e, -EINVAL,
				 "invalid value for key \"%s\": \"%.80s\" is not a boolean; use true or false",
				 key, value);
	return 0;
}

static int read_field(struct created_pool *pool, const char *key, const char *value,
		      struct error *e)
{
	for (int family = 0; family < FAMILIES; family++) {
		size_t n = strlen(family_name(family));

		if (strncmp(key, family_name(family), n))
			continue;
		if (!strcmp(key + n, "-mask-size"))
			return read_mask(&pool->mask[family], family, key, value, e);
		if (strcmp(key + n, "-cidrs"))
			continue;
		if (!pool->cidrs[family])
			pool->cidrs[family] = json_array();
		return read_cidrs(pool->cidrs[family], family, key, value, e);
	}
	if (!strcmp(key, "allow-first-ip"))
		return read_allow(&pool->allow_first, key, value, e);
	if (!strcmp(key, "allow-last-ip"))
		return read_allow(&pool->allow_last, key, value, e);
	return error_set(e, -EINVAL,
			 "unknown key \"%.80s\" in pool spec; use ipv4-cidrs, ipv4-mask-size, ipv6-cidrs, ipv6-mask-size, allow-first-ip, allow-last-ip",
			 key);
}

static int read_fields(struct created_pool *pool, const char *value, struct error *e)
{
	char *text = calloc(strlen(value) + 1, 1), *original, *rest = NULL;
	int err = 0;

	if (!text)
		abort();
	for (char *end = text; *value; value++)
		if (*value != ' ')
			*end++ = *value;
	original = strdup(text);
	if (!original)
		abort();
	for (char *field = strtok_r(text, ";", &rest); field && !err;
	     field = strtok_r(NULL, ";", &rest)) {
		char *colon = strchr(field, ':');

		if (!colon) {
			err = error_set(e, -EINVAL,
					"invalid number of key delimiters in pool spec %.200s; write key:value;key:value",
					original);
			break;
		}
		*colon = 0;
		err = read_field(pool, field, colon + 1, e);
	}
	free(original);
	free(text);
	return err;
}

/* The object as manifest.c would normalize it: fixed order, false left out. */
static json_t *pool_json(const char *name, const struct created_pool *pool)
{
	json_t *spec = json_object();

	for (int family = 0; family < FAMILIES; family++) {
		json_t *part;

		if (!pool->cidrs[family])
			continue;
		part = json_object();
		json_put(part, "cidrs", json_incref(pool->cidrs[family]));
		json_put(part, "maskSize", json_integer(pool->mask[family]));
		json_put(spec, family_name(family), part);
	}
	if (pool->allow_first)
		json_put(spec, "allowFirstIP", json_true());
	if (pool->allow_last)
		json_put(spec, "allowLastIP", json_true());
	return json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "cilium.io/v2alpha1", "kind",
			 "CiliumPodIPPool", "metadata", "name", name, "spec", spec);
}

/* Each family has both of its keys or none; then the rules of every pool are checked. */
static int pool_check(const struct created_pool *pool, const json_t *json, struct error *e)
{
	struct pool_spec spec;
	int err;

	for (int family = 0; family < FAMILIES; family++)
		if (!pool->cidrs[family] != !pool->mask[family])
			return error_set(e, -EINVAL, "key \"%s-%s\" is missing in pool spec; add it",
					 family_name(family),
					 pool->mask[family] ? "cidrs" : "mask-size");
	err = pool_spec_from_json(json, &spec, e);
	if (err)
		return err;
	err = pool_spec_check(&spec, e);
	pool_spec_free(&spec);
	return err;
}

static int pool_create(json_t *pools, const char *name, const char *value, struct error *e)
{
	struct created_pool pool = {};
	json_t *json = NULL;
	int err;

	if (!name_is_subdomain(name, strlen(name)))
		return error_set(e, -EINVAL,
				 "pool \"%.80s\": invalid name; use lower case letters, digits, '-' and '.'",
				 name);
	err = read_fields(&pool, value, e);
	if (err)
		goto out;
	json = pool_json(name, &pool);
	err = pool_check(&pool, json, e);
	if (!err && json_array_append(pools, json))
		abort();
out:
	json_decref(json);
	for (int family = 0; family < FAMILIES; family++)
		json_decref(pool.cidrs[family]);
	return err ? error_wrap(e, err, "pool \"%.80s\"", name) : 0;
}

int value_auto_create(const struct option *option, const char *value, struct options *o,
		      struct error *e)
{
	json_t *map = string_map_parse(value, e);
	json_t *text;
	const char *name;
	int err = map ? 0 : -EINVAL;

	o->auto_create = json_array();
	if (!o->auto_create)
		abort();
	json_object_foreach(map, name, text) {
		err = pool_create(o->auto_create, name, json_string_value(text), e);
		if (err)
			break;
	}
	json_decref(map);
	return err ? error_wrap(e, err, "option %s", option->name) : 0;
}

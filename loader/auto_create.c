// SPDX-License-Identifier: GPL-2.0-only
/* auto-create-cilium-pod-ip-pools: "key:value;key:value" for each pool becomes a CiliumPodIPPool. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/options_table.h"
#include "loader/pool_spec.h"

static void set(json_t *object, const char *key, json_t *value)
{
	/* everything set here is ASCII, so that only a lack of memory can fail */
	if (json_object_set_new(object, key, value))
		abort();
}

/* The family's object in @spec, made at its first key. */
static json_t *family_object(json_t *spec, enum family family)
{
	json_t *object = json_object_get(spec, family_name(family));

	if (!object) {
		object = json_object();
		set(spec, family_name(family), object);
	}
	return object;
}

static int cidrs_set(json_t *spec, enum family family, const char *key, const char *value,
		     struct error *e)
{
	json_t *cidrs = json_array();
	size_t length;

	set(family_object(spec, family), "cidrs", cidrs);
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
		if (json_array_size(cidrs) == POOL_CIDRS_MAX)
			return error_set(e, -EINVAL,
					 "invalid value for key \"%s\": more than %d CIDRs; make another pool",
					 key, POOL_CIDRS_MAX);
		if (json_array_append_new(cidrs, json_string(prefix_format(&prefix, text))))
			abort();
		if (!value[length])
			return 0;
	}
}

static int mask_set(json_t *spec, enum family family, const char *key, const char *value,
		    struct error *e)
{
	uint32_t bits, high = family == FAMILY_IPV4 ? 32 : 128;

	if (number_parse(value, high, &bits) || !bits)
		return error_set(e, -EINVAL,
				 "invalid value for key \"%s\": \"%.80s\" is not a prefix length; use 1 to %u",
				 key, value, high);
	set(family_object(spec, family), "maskSize", json_integer(bits));
	return 0;
}

static int allow_set(json_t *spec, const char *field, const char *key, const char *value,
		     struct error *e)
{
	bool allow;

	if (bool_parse(value, &allow))
		return error_set(e, -EINVAL,
				 "invalid value for key \"%s\": \"%.80s\" is no boolean; use true or false",
				 key, value);
	set(spec, field, json_boolean(allow));
	return 0;
}

/* One "key:value" field into @spec. */
static int field_set(json_t *spec, const char *key, const char *value, struct error *e)
{
	if (!strcmp(key, "ipv4-cidrs"))
		return cidrs_set(spec, FAMILY_IPV4, key, value, e);
	if (!strcmp(key, "ipv6-cidrs"))
		return cidrs_set(spec, FAMILY_IPV6, key, value, e);
	if (!strcmp(key, "ipv4-mask-size"))
		return mask_set(spec, FAMILY_IPV4, key, value, e);
	if (!strcmp(key, "ipv6-mask-size"))
		return mask_set(spec, FAMILY_IPV6, key, value, e);
	if (!strcmp(key, "allow-first-ip"))
		return allow_set(spec, "allowFirstIP", key, value, e);
	if (!strcmp(key, "allow-last-ip"))
		return allow_set(spec, "allowLastIP", key, value, e);
	return error_set(e, -EINVAL,
			 "unknown key \"%.80s\"; use ipv4-cidrs, ipv4-mask-size, ipv6-cidrs, ipv6-mask-size, allow-first-ip, allow-last-ip",
			 key);
}

/* Both of a family's keys are needed to make blocks of it. */
static int families_check(const json_t *spec, struct error *e)
{
	for (int family = 0; family < FAMILIES; family++) {
		const char *name = family_name(family);
		const json_t *object = json_object_get(spec, name);
		bool cidrs = json_object_get(object, "cidrs");
		bool mask = json_object_get(object, "maskSize");

		if (cidrs != mask)
			return error_set(e, -EINVAL, "key \"%s-%s\" is missing; add it", name,
					 cidrs ? "mask-size" : "cidrs");
	}
	return 0;
}

/* @text is cut at its delimiters. */
static int spec_parse(char *text, json_t *spec, struct error *e)
{
	char *end = text, *rest = NULL, *original;
	int err = 0;

	for (const char *c = text; *c; c++)
		if (*c != ' ')
			*end++ = *c;
	*end = 0;
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
		err = field_set(spec, field, colon + 1, e);
	}
	free(original);
	return err ?: families_check(spec, e);
}

static int pool_create(json_t *pools, const char *name, const char *value, struct error *e)
{
	json_t *spec = json_object();
	char *text = strdup(value);
	int err = 0;

	if (!text)
		abort();
	if (!pool_name_valid(name))
		err = error_set(e, -EINVAL,
				"invalid name; use lower case letters, digits, '-' and '.'");
	err = err ?: spec_parse(text, spec, e);
	free(text);
	if (err) {
		json_decref(spec);
		return error_wrap(e, err, "pool \"%.80s\"", name);
	}
	if (json_array_append_new(pools, json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion",
						   "cilium.io/v2alpha1", "kind", "CiliumPodIPPool",
						   "metadata", "name", name, "spec", spec)))
		abort();
	return 0;
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

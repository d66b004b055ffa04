// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool's spec as numbers, and the rules for a single spec. Sentences begin with the field's path,
 * from which object.c finds the line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/manifest/pool_spec.h"

#define IPV6_SPLIT_MAX 16 /* bits between a CIDR and maskSize: 65,536 blocks */

static bool range_inside(const struct prefix *cidr, const struct address_range *range)
{
	return addr_family(&range->start) == prefix_family(cidr) &&
	       prefix_contains(cidr, &range->start) && prefix_contains(cidr, &range->end);
}

static int wrong_family(const struct prefix *cidr, enum family family, const char *path,
			struct error *e)
{
	char text[PREFIX_TEXT];

	return error_set(e, -EINVAL, "%s: %s is not an %s CIDR; move it to the other family", path,
			 prefix_format(cidr, text), family == FAMILY_IPV4 ? "IPv4" : "IPv6");
}

static int read_cidr(enum family family, const json_t *json, const char *path,
		     struct prefix *cidr, struct error *e)
{
	const char *text = json_string_value(json);

	if (!text || prefix_parse(text, cidr) < 0)
		return error_set(e, -EINVAL, "%s: invalid CIDR \"%.80s\": expected address/length", path,
				 text ? text : "");
	return prefix_family(cidr) == family ? 0 : wrong_family(cidr, family, path, e);
}

static int add_cidr(struct pool_family_spec *f, const struct prefix *cidr, const char *path,
		    struct error *e)
{
	if (f->cidr_count == POOL_CIDRS_MAX)
		return error_set(e, -EINVAL, "%s: more than %d CIDRs; make another pool", path,
				 POOL_CIDRS_MAX);
	f->cidrs[f->cidr_count++] = *cidr;
	return 0;
}

static int read_range(struct pool_family_spec *f, const json_t *json, const struct prefix *cidr,
		      const char *path, struct error *e)
{
	const char *start = json_string_value(json_object_get(json, "start"));
	const char *end = json_string_value(json_object_get(json, "end"));
	struct address_range range;
	char text[PREFIX_TEXT];

	if (!start || !end || addr_parse(start, &range.start) || addr_parse(end, &range.end))
		return error_set(e, -EINVAL, "%s: needs two addresses, start and end", path);
	if (!range_inside(cidr, &range))
		return error_set(e, -EINVAL, "%s: %s-%s is outside of its CIDR %s; keep it inside",
				 path, start, end, prefix_format(cidr, text));
	f->reserved = xrealloc(f->reserved, (f->reserved_count + 1) * sizeof(range));
	f->reserved[f->reserved_count++] = range;
	return 0;
}

/* Reads pool[]: each entry's CIDR is one of cidrs or an additional one; its ranges lie inside it. */
static int read_entry(struct pool_family_spec *f, enum family family, const json_t *entry,
		      const char *path, unsigned int *seen, struct error *e)
{
	const json_t *range;
	struct prefix cidr;
	char where[PREFIX_TEXT + 64];
	size_t i, at;
	int err;

	err = read_cidr(family, json_object_get(entry, "cidr"), path, &cidr, e);
	for (at = 0; !err && at < f->cidr_count && !prefix_equal(&f->cidrs[at], &cidr);)
		at++;
	if (!err && at == f->cidr_count)
		err = add_cidr(f, &cidr, path, e);
	if (err)
		return err;
	if (*seen & 1u << at)
		return error_set(e, -EINVAL, "%s.cidr: %s is listed twice; join the two", path,
				 prefix_format(&cidr, where));
	*seen |= 1u << at;
	json_array_foreach(json_object_get(entry, "reservedRanges"), i, range) {
		snprintf(where, sizeof(where), "%s.reservedRanges[%zu]", path, i);
		err = read_range(f, range, &cidr, where, e);
		if (err)
			return err;
	}
	return 0;
}

static int read_family(struct pool_family_spec *f, enum family family, const json_t *json,
		       struct error *e)
{
	const json_t *mask = json_object_get(json, "maskSize"), *item;
	const char *name = family_name(family);
	struct prefix cidr;
	unsigned int seen = 0;
	char path[64];
	int err = 0;
	size_t i;

	f->present = true;
	if (!json_is_integer(mask) || json_integer_value(mask) < 0 ||
	    json_integer_value(mask) > 128)
		return error_set(e, -EINVAL, "spec.%s.maskSize: must be a number", name);
	f->mask_size = json_integer_value(mask);
	json_array_foreach(json_object_get(json, "cidrs"), i, item) {
		snprintf(path, sizeof(path), "spec.%s.cidrs[%zu]", name, i);
		err = read_cidr(family, item, path, &cidr, e);
		if (!err)
			err = add_cidr(f, &cidr, path, e);
		if (err)
			return err;
	}
	json_array_foreach(json_object_get(json, "pool"), i, item) {
		snprintf(path, sizeof(path), "spec.%s.pool[%zu]", name, i);
		err = read_entry(f, family, item, path, &seen, e);
		if (err)
			return err;
	}
	return 0;
}

int pool_spec_from_json(const json_t *json, struct pool_spec *spec, struct error *e)
{
	const json_t *metadata = json_object_get(json, "metadata");
	const json_t *annotations = json_object_get(metadata, "annotations");
	const json_t *object = json_object_get(json, "spec");
	const char *name = json_string_value(json_object_get(metadata, "name"));
	const char *skip;
	int err = 0;

	*spec = (struct pool_spec){};
	if (!name || strlen(name) >= sizeof(spec->name))
		return error_set(e, -EINVAL, "metadata.name: missing or too long");
	strcpy(spec->name, name);
	for (int family = 0; family < FAMILIES && !err; family++) {
		const json_t *part = json_object_get(object, family_name(family));

		if (part)
			err = read_family(&spec->family[family], family, part, e);
	}
	if (err) {
		pool_spec_free(spec);
		return err;
	}
	skip = json_string_value(json_object_get(annotations, "ipam.cilium.io/skip-masquerade"));
	spec->skip_masquerade = skip && !strcmp(skip, "true");
	spec->allow_first = json_is_true(json_object_get(object, "allowFirstIP"));
	spec->allow_last = json_is_true(json_object_get(object, "allowLastIP"));
	spec->pod_selector = json_object_get(object, "podSelector");
	spec->namespace_selector = json_object_get(object, "namespaceSelector");
	return 0;
}

void pool_spec_free(struct pool_spec *spec)
{
	for (int family = 0; family < FAMILIES; family++)
		free(spec->family[family].reserved);
	*spec = (struct pool_spec){};
}

static int check_mask(const struct pool_family_spec *f, enum family family, struct error *e)
{
	unsigned int width = family == FAMILY_IPV4 ? 32 : 128;
	const char *name = family_name(family);
	char text[PREFIX_TEXT];

	if (!f->mask_size || f->mask_size > width)
		return error_set(e, -EINVAL,
				 "spec.%s.maskSize: must be an integer from 1 to %u, not %u", name,
				 width, f->mask_size);
	for (size_t i = 0; i < f->cidr_count; i++) {
		unsigned int bits = prefix_bits(&f->cidrs[i]);

		if (f->mask_size < bits)
			return error_set(e, -EINVAL,
					 "spec.%s.maskSize: %u is shorter than the prefix of %s; use %u to %u",
					 name, f->mask_size, prefix_format(&f->cidrs[i], text),
					 bits, width);
		if (family == FAMILY_IPV6 && f->mask_size - bits > IPV6_SPLIT_MAX)
			return error_set(e, -EINVAL,
					 "spec.%s.maskSize: %u is more than %u bits longer than %s; use %u to %u, or longer CIDRs",
					 name, f->mask_size, IPV6_SPLIT_MAX,
					 prefix_format(&f->cidrs[i], text), bits,
					 bits + IPV6_SPLIT_MAX);
	}
	return 0;
}

/* Ranges that no other host can have, or that have a special meaning (pinpool-ipam(7), CHANGING POOLS). */
static const struct {
	const char *cidr, *meaning;
} special_ranges[] = {
	{ "0.0.0.0/8", "\"this network\"" },  { "127.0.0.0/8", "loopback" },
	{ "169.254.0.0/16", "link-local" },   { "224.0.0.0/4", "multicast" },
	{ "240.0.0.0/4", "reserved" },        { "::/128", "the unspecified address" },
	{ "::1/128", "loopback" },            { "fe80::/10", "link-local" },
	{ "ff00::/8", "multicast" },
};

static int check_special(const struct prefix *cidr, const char *path, struct error *e)
{
	/* prefix_parse() rejects the text "::ffff:0:0/96". */
	static const struct prefix mapped = { .addr.byte = { [10] = 0xff, [11] = 0xff },
					      .length = PREFIX_IPV4_BITS };
	char text[PREFIX_TEXT];
	struct prefix special;

	if (prefix_family(cidr) == FAMILY_IPV6 && prefix_overlaps(cidr, &mapped))
		return error_set(e, -EINVAL,
				 "%s: %s overlaps ::ffff:0:0/96, which stands for IPv4; use another range",
				 path, prefix_format(cidr, text));
	for (size_t i = 0; i < sizeof(special_ranges) / sizeof(*special_ranges); i++)
		if (!prefix_parse(special_ranges[i].cidr, &special) && prefix_overlaps(cidr, &special))
			return error_set(e, -EINVAL, "%s: %s overlaps %s (%s); use another range", path,
					 prefix_format(cidr, text), special_ranges[i].cidr,
					 special_ranges[i].meaning);
	return 0;
}

static int check_cidrs(const struct pool_family_spec *f, enum family family, struct error *e)
{
	char a[PREFIX_TEXT], b[PREFIX_TEXT], path[32];
	int err;

	snprintf(path, sizeof(path), "spec.%s.cidrs", family_name(family));
	if (!f->cidr_count)
		return error_set(e, -EINVAL, "%s: no CIDR; add one, or remove the family", path);
	for (size_t i = 0; i < f->cidr_count; i++) {
		if (prefix_family(&f->cidrs[i]) != family)
			return wrong_family(&f->cidrs[i], family, path, e);
		err = check_special(&f->cidrs[i], path, e);
		if (err)
			return err;
		for (size_t j = 0; j < i; j++)
			if (prefix_overlaps(&f->cidrs[i], &f->cidrs[j]))
				return error_set(e, -EINVAL, "%s: %s and %s overlap; remove one",
						 path, prefix_format(&f->cidrs[j], a),
						 prefix_format(&f->cidrs[i], b));
	}
	return 0;
}

static int check_reserved(const struct pool_family_spec *f, enum family family, struct error *e)
{
	char start[ADDR_TEXT], end[ADDR_TEXT];

	for (size_t i = 0; i < f->reserved_count; i++) {
		const struct address_range *range = &f->reserved[i];
		size_t at = 0;

		addr_format(&range->start, start);
		addr_format(&range->end, end);
		if (addr_compare(&range->start, &range->end) > 0)
			return error_set(e, -EINVAL,
					 "spec.%s.pool: reserved range %s-%s starts after its end; swap the two",
					 family_name(family), start, end);
		while (at < f->cidr_count && !range_inside(&f->cidrs[at], range))
			at++;
		if (at == f->cidr_count)
			return error_set(e, -EINVAL,
					 "spec.%s.pool: reserved range %s-%s is in none of the CIDRs; keep it inside",
					 family_name(family), start, end);
	}
	return 0;
}

int pool_spec_check(const struct pool_spec *spec, struct error *e)
{
	for (int family = 0; family < FAMILIES; family++) {
		const struct pool_family_spec *f = &spec->family[family];
		int err;

		if (!f->present)
			continue;
		err = check_cidrs(f, family, e) ?: check_mask(f, family, e) ?:
		      check_reserved(f, family, e);
		if (err)
			return err;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* A pool's spec as numbers; what makes one invalid is in manifest.cases. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/pool_spec.h"
#include "tests/lib/tap.h"
#include "tests/unit/manifest_cases.h"

static void test_pool_spec(void)
{
	static const char text[] =
		"apiVersion: cilium.io/v2\nkind: CiliumPodIPPool\n"
		"metadata: {name: a, annotations: {ipam.cilium.io/skip-masquerade: 'true'}}\n"
		"spec:\n  allowLastIP: true\n  podSelector: {}\n"
		"  ipv6:\n    cidrs: ['fd00::/48']\n    maskSize: 64\n    pool:\n"
		"    - {cidr: 'fd01::/48'}\n"
		"    - {cidr: 'fd00::/48', reservedRanges: [{start: 'fd00::', end: 'fd00::f'}]}\n";
	struct pool_spec spec;
	struct manifest m;
	struct error e;
	char a[PREFIX_TEXT];
	const struct pool_family_spec *f = &spec.family[FAMILY_IPV6];

	parse(text, &m, &e);
	ok(m.count == 1 && !pool_spec_from_json(m.objects[0].json, &spec, &e), "spec of a pool");
	ok(!strcmp(spec.name, "a") && spec.skip_masquerade && !spec.allow_first &&
		   spec.allow_last && spec.pod_selector && !spec.namespace_selector &&
		   !spec.family[FAMILY_IPV4].present,
	   "its flags");
	ok(f->present && f->mask_size == 64 && f->cidr_count == 2 &&
		   !strcmp(prefix_format(&f->cidrs[0], a), "fd00::/48") &&
		   !strcmp(prefix_format(&f->cidrs[1], a), "fd01::/48"),
	   "cidrs first, then the additional ones of pool[]");
	ok(f->reserved_count == 1 && !strcmp(addr_format(&f->reserved[0].end, a), "fd00::f"),
	   "reserved range");
	spec.family[FAMILY_IPV6].reserved[0].end = (struct addr){};
	ok(pool_spec_check(&spec, &e) == -EINVAL, "checked alone: %s", e.text);
	pool_spec_free(&spec);
	manifest_free(&m);
}

static void test_bad_json(void)
{
	static const char *const cases[] = {
		"{}",
		"{'metadata':{'name':1}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{'maskSize':'24'}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{'maskSize':24,'cidrs':[1]}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{'maskSize':24,'cidrs':['x']}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{'maskSize':24,'pool':[{}]}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv4':{'maskSize':24,"
		"'pool':[{'cidr':'10.0.0.0/8','reservedRanges':[{}]}]}}}",
		"{'metadata':{'name':'a'},'spec':{'ipv6':{'maskSize':24,'cidrs':['10.0.0.0/8']}}}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = strdup(cases[i]);
		struct pool_spec spec;
		struct error e = {};
		json_t *json;

		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		json = json_loads(text, 0, NULL);
		ok(pool_spec_from_json(json, &spec, &e) == -EINVAL && *e.text,
		   "JSON of no pool: %s", e.text);
		json_decref(json);
		free(text);
	}
}

static void test_too_many(void)
{
	json_t *cidrs = json_array(), *json;
	struct pool_spec spec;
	struct error e = {};

	for (int i = 0; i <= POOL_CIDRS_MAX; i++)
		json_array_append_new(cidrs, json_sprintf("10.%d.0.0/16", i));
	json = json_pack("{s:{s:s}, s:{s:{s:i, s:o}}}", "metadata", "name", "a", "spec", "ipv4",
			 "maskSize", 24, "cidrs", cidrs);
	ok(pool_spec_from_json(json, &spec, &e) == -EINVAL && strstr(e.text, "more than 32 CIDRs"),
	   "33 CIDRs: %s", e.text);
	json_array_remove(cidrs, 32);
	ok(!pool_spec_from_json(json, &spec, &e) && !pool_spec_check(&spec, &e), "32 CIDRs");
	pool_spec_free(&spec);
	json_decref(json);
}

int main(void)
{
	test_too_many();
	test_pool_spec();
	test_bad_json();
	return tap_done();
}

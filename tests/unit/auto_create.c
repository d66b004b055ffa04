// SPDX-License-Identifier: GPL-2.0-only
/* auto-create-cilium-pod-ip-pools: its syntax and its pools (pinpool-ipam(7), POOLS BY CONFIGURATION). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/options/table.h"
#include "tests/lib/tap.h"

#define POOL(name, spec)                                                                           \
	"{\"apiVersion\":\"cilium.io/v2alpha1\",\"kind\":\"CiliumPodIPPool\",\"metadata\":{"          \
	"\"name\":\"" name "\"},\"spec\":{" spec "}}"
#define TUTORIAL POOL("default", "\"ipv4\":{\"cidrs\":[\"10.10.0.0/16\"],\"maskSize\":27}")

static void test_auto_create(void)
{
	static const struct {
		const char *value, *pools;
	} cases[] = {
		{ "", "[]" },
		{ "{}", "[]" },
		{ "{\"default\":\"ipv4-cidrs:10.10.0.0/16;ipv4-mask-size:27\"}", "[" TUTORIAL "]" },
		{ "default=ipv4-cidrs:10.10.0.0/16;ipv4-mask-size:27", "[" TUTORIAL "]" },
		{ " { \"default\" : \" ipv4-cidrs: 10.10.0.0/16 ; ipv4-mask-size: 27 ;\" } ",
		  "[" TUTORIAL "]" },
		{ "default=ipv4-mask-size:27;;ipv4-cidrs:10.10.9.9/16", "[" TUTORIAL "]" },
		{ "default=ipv4-cidrs:10.10.0.0/16;ipv4-mask-size:27,"
		  "mars=ipv4-cidrs:10.20.0.0/16,10.21.0.0/16;ipv4-mask-size:27;"
		  "ipv6-cidrs:fd00::/48;ipv6-mask-size:64;allow-last-ip:0;allow-first-ip:true",
		  "[" TUTORIAL "," POOL("mars", "\"ipv4\":{\"cidrs\":[\"10.20.0.0/16\","
						"\"10.21.0.0/16\"],\"maskSize\":27},\"ipv6\":{\"cidrs\":["
						"\"fd00::/48\"],\"maskSize\":64},\"allowFirstIP\":true") "]" },
		/* as Cilium splits: the last comma before the next '=' begins a pair */
		{ "a=ipv4-cidrs:10.1.0.0/16,10.2.0.0/16,10.3.0.0/16;ipv4-mask-size:24,"
		  "b=ipv6-cidrs:fd00::/112,fd01::/112;ipv6-mask-size:120;allow-last-ip:t",
		  "[" POOL("a", "\"ipv4\":{\"cidrs\":[\"10.1.0.0/16\",\"10.2.0.0/16\",\"10.3.0.0/16\"],"
				"\"maskSize\":24}") ","
		  POOL("b", "\"ipv6\":{\"cidrs\":[\"fd00::/112\",\"fd01::/112\"],\"maskSize\":120},"
			    "\"allowLastIP\":true") "]" },
		{ "empty=", "[" POOL("empty", "") "]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *effective = json_pack("{s:s}", AUTO_CREATE, cases[i].value);
		struct options o;
		struct error e = {};
		int err = options_parse(effective, &o, &e);
		char *text = err ? NULL : json_dumps(o.auto_create, JSON_COMPACT);

		if (!ok(!err && !strcmp(text, cases[i].pools), "pools of \"%s\"", cases[i].value))
			printf("# %s\n", err ? e.text : text);
		free(text);
		options_free(&o);
		json_decref(effective);
	}
}

/* A created pool and the same pool in a manifest must be one text: `unchanged` depends on it. */
static void test_same_as_manifest(void)
{
	static const char yaml[] = "apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\n"
				   "metadata: {name: mars}\nspec:\n  allowLastIP: true\n"
				   "  allowFirstIP: false\n"
				   "  ipv6: {cidrs: ['fd00::/48'], maskSize: 64}\n"
				   "  ipv4: {maskSize: 27, cidrs: [10.20.0.0/16, 10.21.0.0/16]}\n";
	json_t *effective = json_pack(
		"{s:s}", AUTO_CREATE,
		"mars=allow-first-ip:false;allow-last-ip:true;ipv6-mask-size:64;ipv6-cidrs:fd00::/48;"
		"ipv4-cidrs:10.20.0.0/16,10.21.0.0/16;ipv4-mask-size:27");
	struct manifest m = {};
	struct options o;
	struct error e = {};
	char *written, *created;

	if (!ok(!manifest_parse("pool.yaml", yaml, strlen(yaml), &m, &e) &&
			!options_parse(effective, &o, &e) && m.count == 1,
		"a pool by manifest and by option"))
		return;
	written = object_text(m.objects[0].json);
	created = object_text(json_array_get(o.auto_create, 0));
	ok(!strcmp(written, created), "are the same text");
	free(written);
	free(created);
	manifest_free(&m);
	options_free(&o);
	json_decref(effective);
}

static void test_auto_create_errors(void)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "default=ipv4-cidrs", "invalid number of key delimiters in pool spec ipv4-cidrs" },
		{ "default=ipv4-cidrs:10.0.0.0/8;x",
		  "invalid number of key delimiters in pool spec ipv4-cidrs:10.0.0.0/8;x" },
		{ "default=ipv4-cidrs:10.0.0.0;ipv4-mask-size:27",
		  "invalid value for key \"ipv4-cidrs\": " },
		{ "default=ipv4-cidrs:;ipv4-mask-size:27", "invalid value for key \"ipv4-cidrs\": " },
		{ "default=ipv4-cidrs:10.0.0.0/8,;ipv4-mask-size:27",
		  "invalid value for key \"ipv4-cidrs\": " },
		{ "default=ipv4-cidrs:fd00::/48;ipv4-mask-size:27",
		  "invalid value for key \"ipv4-cidrs\": \"fd00::/48\" is not an IPv4 CIDR" },
		{ "default=ipv6-cidrs:10.0.0.0/8;ipv6-mask-size:27",
		  "invalid value for key \"ipv6-cidrs\": \"10.0.0.0/8\" is not an IPv6 CIDR" },
		{ "default=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:33",
		  "invalid value for key \"ipv4-mask-size\": " },
		{ "default=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:0",
		  "invalid value for key \"ipv4-mask-size\": " },
		{ "default=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:x",
		  "invalid value for key \"ipv4-mask-size\": " },
		{ "default=ipv6-cidrs:fd00::/64;ipv6-mask-size:129",
		  "invalid value for key \"ipv6-mask-size\": " },
		{ "default=allow-first-ip:maybe", "invalid value for key \"allow-first-ip\": " },
		{ "default=allow-last-ip:", "invalid value for key \"allow-last-ip\": " },
		{ "default=ipv4-cidr:10.0.0.0/8", "unknown key \"ipv4-cidr\"" },
		{ "default=ipv4-cidrs:10.0.0.0/8", "key \"ipv4-mask-size\" is missing" },
		{ "default=ipv6-mask-size:64", "key \"ipv6-cidrs\" is missing" },
		{ "default=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:7", "7 is shorter than the prefix" },
		{ "default=ipv6-cidrs:fd00::/48;ipv6-mask-size:65", "more than 16 bits" },
		{ "default=ipv4-cidrs:10.0.0.0/8,10.1.0.0/16;ipv4-mask-size:27", "overlap" },
		{ "default=ipv4-cidrs:10.0.0.0/8,127.0.0.0/16;ipv4-mask-size:27",
		  "127.0.0.0/16 overlaps 127.0.0.0/8 (loopback)" },
		{ "default=ipv6-cidrs:fe80::/64;ipv6-mask-size:80", "overlaps fe80::/10 (link-local)" },
		{ "Mars=ipv4-cidrs:10.0.0.0/8;ipv4-mask-size:27", "pool \"Mars\": invalid name" },
		{ "default", "is not formatted as" },
		{ "{\"default\":", "not a JSON map" },
		{ "{\"default\":{}}", "is not a string" },
		{ "{\"a\":\"\",\"a\":\"\"}", "duplicate" },
		{ "a=,a=", "duplicate name \"a\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error e = {};
		int err = option_check(AUTO_CREATE, cases[i].value, &e);

		if (!ok(err == -EINVAL && strstr(e.text, cases[i].text) &&
				!strncmp(e.text, "option " AUTO_CREATE ": ", strlen("option " AUTO_CREATE ": ")),
			"pools of \"%s\" are refused: %s", cases[i].value, cases[i].text))
			printf("# %d: %s\n", err, e.text);
	}
}

static void test_many_cidrs(void)
{
	char value[4096] = "default=ipv4-mask-size:27;ipv4-cidrs:10.0.0.0/16";
	struct error e = {};

	for (int i = 1; i < 32; i++)
		sprintf(value + strlen(value), ",10.%d.0.0/16", i);
	ok(!option_check(AUTO_CREATE, value, &e), "32 CIDRs fit");
	strcat(value, ",10.32.0.0/16");
	ok(option_check(AUTO_CREATE, value, &e) == -EINVAL && strstr(e.text, "more than 32 CIDRs"),
	   "33 do not");
}

int main(void)
{
	test_auto_create();
	test_same_as_manifest();
	test_auto_create_errors();
	test_many_cidrs();
	return tap_done();
}

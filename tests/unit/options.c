// SPDX-License-Identifier: GPL-2.0-only
/* Options: every name and value, and their layers (pinpool-ipam(7), NODE DEFAULTS). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/manifest.h"
#include "loader/options/table.h"
#include "tests/lib/tap.h"
#include "tests/unit/cilium_options.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static json_t *json(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, 0, &error);

	if (!value) {
		printf("# %s: %s\n", text, error.text);
		abort();
	}
	return value;
}

static const struct {
	const char *name, *value;
	int result;
	const char *text; /* in the sentence */
} checks[] = {
	{ "ipam", "multi-pool", 0, NULL },
	{ "ipam", "cluster-pool", -EINVAL, "option ipam: invalid value \"cluster-pool\"" },
	{ "ipam-default-ip-pool", "mars", 0, NULL },
	{ "ipam-default-ip-pool", "-", -EINVAL, "option ipam-default-ip-pool:" },
	{ "ipam-default-ip-pool", "a.b-c.1", 0, NULL },
	{ "ipam-default-ip-pool", "Mars", -EINVAL, "name of a CiliumPodIPPool" },
	{ "ipam-default-ip-pool", "a..b", -EINVAL, NULL },
	{ "ipam-default-ip-pool", "-a", -EINVAL, NULL },
	{ "ipam-default-ip-pool", "a-", -EINVAL, NULL },
	{ "ipam-default-ip-pool", "a-.b", -EINVAL, NULL },
	{ "routing-mode", "native", 0, NULL },
	{ "routing-mode", "tunnel", -EINVAL, "only native routing is supported" },
	{ "enable-ipv4", "true", 0, NULL }, { "enable-ipv4", "T", 0, NULL },
	{ "enable-ipv4", "1", 0, NULL }, { "enable-ipv4", "False", 0, NULL },
	{ "enable-ipv4", "0", 0, NULL }, { "enable-ipv4", "FALSE", 0, NULL },
	{ "enable-ipv4", "yes", -EINVAL, "option enable-ipv4: invalid value \"yes\"" },
	{ "enable-ipv4", "tRUE", -EINVAL, NULL }, { "enable-ipv4", "", 0, NULL },
	{ "ipv4-native-routing-cidr", "10.0.0.0/8", 0, NULL },
	{ "ipv4-native-routing-cidr", "10.0.0.0/8,192.168.0.0/16", 0, NULL },
	{ "ipv4-native-routing-cidr", "10.1.2.3/8", 0, NULL },
	{ "ipv4-native-routing-cidr", "", 0, NULL },
	{ "ipv4-native-routing-cidr", "fd00::/8", -EINVAL, "\"fd00::/8\" is not an IPv4 CIDR" },
	{ "ipv4-native-routing-cidr", "10.0.0.0", -EINVAL, "option ipv4-native-routing-cidr:" },
	{ "ipv6-native-routing-cidr", "fd00::/8", 0, NULL },
	{ "ipv6-native-routing-cidr", "10.0.0.0/8", -EINVAL, "is not an IPv6 CIDR" },
	{ "devices", "", 0, NULL }, { "devices", "eth0", 0, NULL },
	{ "cni-exclusive", "true", 0, NULL }, { "cni-exclusive", "maybe", -EINVAL, NULL },
	{ "devices", "eth0,eth+ bond0", 0, NULL },
	{ "devices", "a/b", -EINVAL, "option devices: invalid interface name \"a/b\"" },
	{ "devices", "sixteenletters00", -EINVAL, NULL },
	{ "devices", "fifteenletters0", 0, NULL }, { "devices", "+", -EINVAL, NULL },
	{ "devices", "..", -EINVAL, NULL },
	{ "mtu", "0", 0, NULL }, { "mtu", "68", 0, NULL }, { "mtu", "65535", 0, NULL },
	{ "mtu", "67", -EINVAL, "option mtu: invalid value \"67\"" },
	{ "mtu", "65536", -EINVAL, NULL }, { "mtu", "-1", -EINVAL, NULL },
	{ "mtu", "1500 ", -EINVAL, NULL }, { "mtu", " ", -EINVAL, NULL },
	{ "ipam-cilium-node-update-rate", "15s", 0, NULL },
	{ "ipam-cilium-node-update-rate", "15", -EINVAL, "a duration such as 15s" },
	{ "ipam-cilium-node-update-rate", "-1s", -EINVAL, NULL },
	{ "ipam-cilium-node-update-rate", "s", -EINVAL, NULL },
	{ "ipam-cilium-node-update-rate", ".s", -EINVAL, NULL },
	{ "ipam-cilium-node-update-rate", "1d", -EINVAL, NULL },
	{ "ipam-cilium-node-update-rate", "99999999999h", -EINVAL, NULL },
	{ "node-cidr-allocator", "local", 0, NULL },
	{ "node-cidr-allocator", "static", 0, NULL },
	{ "node-cidr-allocator", "operator", -EINVAL, "use local or static" },
	{ "masquerade-portless-protocols", "true", 0, NULL },
	{ "masquerade-portless-protocols", "sctp", -EINVAL, "use true or false" },
	{ "xdp-guard", "disabled", 0, NULL }, { "xdp-guard", "native", 0, NULL },
	{ "xdp-guard", "generic", -EINVAL, "use disabled or native" },
	{ "snat-port-range", "1024-65535", 0, NULL },
	{ "snat-port-range", "50000-50000", 0, NULL },
	{ "snat-port-range", "1023-2000", -EINVAL, "option snat-port-range: invalid value" },
	{ "snat-port-range", "2000-1999", -EINVAL, NULL },
	{ "snat-port-range", "2000-65536", -EINVAL, NULL },
	{ "snat-port-range", "2000", -EINVAL, NULL }, { "snat-port-range", "-", -EINVAL, NULL },
	{ "snat-port-range", "1024-2000-3000", -EINVAL, NULL },
	{ "node-port-range", "30000,32767", 0, NULL }, { "node-port-range", "1-65535", 0, NULL },
	{ "node-port-range", "0,100", -EINVAL, "use FIRST,LAST with 1" },
	{ "node-port-range", "2000,1999", -EINVAL, NULL }, { "node-port-range", "2000", -EINVAL, NULL },
	{ "bpf-lb-map-max", "63", -EINVAL, "from 64 to 4194304" }, { "bpf-lb-map-max", "64", 0, NULL },
	{ "cgroup-root", "/sys/fs/cgroup", 0, NULL }, { "cgroup-root", "cgroup", -EINVAL, "use an absolute path" },
	{ "kube-proxy-replacement", "strict", -EINVAL, "use true or false" },
	{ "bpf-nat-max", "64", 0, NULL }, { "bpf-nat-max", "4194304", 0, NULL },
	{ "bpf-nat-max", "63", -EINVAL, "from 64 to 4194304" },
	{ "bpf-nat-max", "4194305", -EINVAL, NULL },
	{ "bpf-nat-max", "99999999999999999999999", -EINVAL, NULL },
	{ "ipam-multi-pool-pre-allocation", "default=8,mars=16", 0, NULL },
	{ "ipam-multi-pool-pre-allocation", "default=8, mars=0", 0, NULL },
	{ "ipam-multi-pool-pre-allocation", "{\"default\":\"8\",\"mars\":16}", 0, NULL },
	{ "ipam-multi-pool-pre-allocation", "", 0, NULL },
	{ "ipam-multi-pool-pre-allocation", "default=8,mars=x", -EINVAL,
	  "invalid value for pool \"mars\"" },
	{ "ipam-multi-pool-pre-allocation", "mars=-1", -EINVAL,
	  "invalid value for pool \"mars\"" },
	{ "ipam-multi-pool-pre-allocation", "mars=", -EINVAL,
	  "invalid value for pool \"mars\"" },
	{ "ipam-multi-pool-pre-allocation", "mars=2147483648", -EINVAL,
	  "invalid value for pool \"mars\"" },
	{ "ipam-multi-pool-pre-allocation", "mars", -EINVAL,
	  "option ipam-multi-pool-pre-allocation: \"mars\" is not formatted as" },
	{ "ipam-multi-pool-pre-allocation", "=8", -EINVAL, "is not formatted as" },
	{ "ipam-multi-pool-pre-allocation", "a=1,a=2", -EINVAL, "duplicate name \"a\"" },
	{ "ipam-multi-pool-pre-allocation", "{\"a\":true}", -EINVAL, "is not a string" },
	{ "ipam-multi-pool-pre-allocation", "[1]", -EINVAL, "not a JSON map" },
	/* Cilium's own, and nobody's */
	{ "bpf-lb-mode", "dsr", OPTION_UNKNOWN, "option bpf-lb-mode: not" },
	{ "enable-lb-ipam", "true", OPTION_UNKNOWN, "not implemented" },
	{ "agent-health-port", "", OPTION_UNKNOWN, "not implemented" },
	{ "frobnicate", "x", OPTION_UNKNOWN, "not implemented" },
	{ "", "x", OPTION_UNKNOWN, "not implemented" },
	/* slips */
	{ "enable-ipv5", "true", -EINVAL, "option enable-ipv5: unknown; did you mean enable-ipv4?" },
	{ "ipam-default-pool", "x", -EINVAL, "did you mean ipam-default-ip-pool?" },
	{ "bpf-nat-maxi", "x", -EINVAL, "did you mean bpf-nat-max?" },
	{ "MTU", "1500", -EINVAL, "did you mean mtu?" },
	{ "device", "eth0", -EINVAL, "did you mean devices?" },
	{ "mut", "", -EINVAL, "did you mean mtu?" },
	{ "enableIPv4Masquerade", "true", -EINVAL, "did you mean enable-ipv4-masquerade?" },
	{ "auto-create-cilium-pod-pools", "x", -EINVAL,
	  "did you mean auto-create-cilium-pod-ip-pools?" },
};

static void test_check(void)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct error e = {};
		int result = option_check(checks[i].name, checks[i].value, &e);

		if (!ok(result == checks[i].result && !*e.text == !result &&
				(!checks[i].text || strstr(e.text, checks[i].text)),
			"option %s: \"%s\" %s", checks[i].name, checks[i].value,
			!checks[i].result ? "is taken" : checks[i].result > 0 ? "is not ours" : "is refused"))
			printf("# %d: %s\n", result, e.text);
	}
}

static void test_names(void)
{
	char longest[5000];
	struct error e;

	for (size_t i = 0; i < options_table_count; i++) {
		ok(!option_check(options_table[i].name, options_table[i].fallback, &e),
		   "the default of %s passes its own check", options_table[i].name);
		ok(!option_check(options_table[i].name, "", &e), "an empty %s is its default",
		   options_table[i].name);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	ok(option_check(longest, "x", &e) == OPTION_UNKNOWN, "an endless name is unknown");
	ok(option_check("mtu", longest, &e) == -EINVAL && strstr(e.text, "use 68"),
	   "an endless value leaves room for the way out");
	ok(option_check("ipam-multi-pool-pre-allocation", "m\xff=8", &e) == -EINVAL,
	   "a map with invalid UTF-8 is refused");
	ok(option_is_load_time("bpf-nat-max") && option_is_load_time("snat-port-range") &&
		   option_is_load_time("xdp-guard") &&
		   option_is_load_time("masquerade-portless-protocols"),
	   "options that only loading can change are load-time");
	ok(!option_is_load_time("mtu") && !option_is_load_time("ipam-default-ip-pool") &&
		   !option_is_load_time("debug") && !option_is_load_time("nonsense"),
	   "others are not");
}

/* Options of Cilium's that are not ours must not be taken for ours. */
static void test_cilium(void)
{
	struct error e;
	unsigned int wrong = 0;

	for (size_t i = 0; i < COUNT(cilium_options); i++)
		if (option_check(cilium_options[i], "x", &e) != OPTION_UNKNOWN) {
			printf("# %s: %s\n", cilium_options[i], e.text);
			wrong++;
		}
	ok(!wrong, "none of %zu options of Cilium's is an error", COUNT(cilium_options));
}

/* Whether @name is taken for a slip; one that is an option itself is none. */
static bool is_slip(const char *name)
{
	if (option_find(name) || option_near_miss(name))
		return true;
	printf("# %s: not recognized\n", name);
	return false;
}

/* One slip of the finger at each place of @name. */
static unsigned int missed_slips(const char *name)
{
	size_t length = strlen(name);
	unsigned int missed = 0;
	char slip[100];

	for (size_t i = 0; i < length; i++) {
		snprintf(slip, sizeof(slip), "%.*s%s", (int)i, name, name + i + 1); /* forgotten */
		missed += !is_slip(slip);
		snprintf(slip, sizeof(slip), "%.*s%c%s", (int)i, name, name[i], name + i); /* doubled */
		missed += !is_slip(slip);
		snprintf(slip, sizeof(slip), "%.*sx%s", (int)i, name, name + i + 1); /* wrong */
		missed += !is_slip(slip);
		snprintf(slip, sizeof(slip), "%s", name); /* swapped */
		slip[i] = name[i + 1 < length ? i + 1 : i];
		slip[i + 1 < length ? i + 1 : i] = name[i];
		missed += !is_slip(slip);
	}
	return missed;
}

static void test_slips(void)
{
	char spelling[100];

	for (size_t i = 0; i < options_table_count; i++) {
		const char *name = options_table[i].name;
		size_t n = 0;

		ok(!missed_slips(name), "%s: each slip is recognized", name);
		for (const char *c = name; *c; c++)
			spelling[n++] = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c;
		spelling[n] = 0;
		ok(!strcmp(option_near_miss(spelling) ?: "", name), "%s is %s", spelling, name);
	}
}

static void test_many(void)
{
	static const struct {
		const char *map;
		bool all;
		int result;
		const char *ignored, *text;
	} cases[] = {
		{ "{}", false, 0, NULL, NULL },
		{ "{\"mtu\":\"1500\",\"devices\":\"\"}", false, 0, NULL, NULL },
		{ "{\"a\":\"1\"}", false, 0, "a: not implemented by pinpool, ignored", NULL },
		{ "{\"a\":\"1\",\"mtu\":\"1500\",\"b\":\"\",\"c\":\"1\",\"d\":\"1\"}", false, 0,
		  "a, b, c, d: not implemented by pinpool, ignored", NULL },
		{ "{\"a\":\"1\",\"b\":\"\",\"c\":\"1\",\"d\":\"1\",\"e\":\"\"}", false, 0,
		  "a, b, c and 2 more options: not implemented by pinpool, ignored; 'pinpool -v' names all",
		  NULL },
		{ "{\"a\":\"1\",\"b\":\"\",\"c\":\"1\",\"d\":\"1\",\"e\":\"\"}", true, 0,
		  "a, b, c, d, e: not implemented by pinpool, ignored", NULL },
		{ "{\"a\":\"1\",\"mut\":\"1500\"}", false, -EINVAL, NULL, "did you mean mtu?" },
		{ "{\"a\":\"1\",\"mtu\":\"x\"}", false, -EINVAL, NULL, "option mtu:" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *map = json(cases[i].map);
		struct error e = {};
		char *ignored = NULL;
		int err = options_check(map, cases[i].all, &ignored, &e);

		ok(err == cases[i].result && !ignored == !cases[i].ignored &&
			   (!ignored || !strcmp(ignored, cases[i].ignored)) &&
			   (!cases[i].text || strstr(e.text, cases[i].text)),
		   "all of %s", cases[i].map);
		free(ignored);
		json_decref(map);
	}
}

static void test_defaults(void)
{
	struct options o;
	struct error e;

	ok(!options_parse(NULL, &o, &e), "the defaults are valid");
	ok(!strcmp(o.default_pool, "default") && o.enable_ipv4 && !o.enable_ipv6,
	   "default pool, IPv4 only");
	ok(o.pre_allocation_count == 1 && options_pre_allocation(&o, "default") == 8 &&
		   options_pre_allocation(&o, "mars") == 0,
	   "pre-allocation is default=8, and 0 for others");
	ok(!o.native_cidr_count && !o.device_count && !o.mtu && o.update_rate_seconds == 15,
	   "no native CIDR, no device, mtu 0, 15s");
	ok(!o.auto_direct_node_routes && !o.direct_routing_skip_unreachable &&
		   o.enable_endpoint_routes,
	   "routes: endpoint only");
	ok(o.enable_bpf_masquerade && o.enable_ipv4_masquerade && o.enable_ipv6_masquerade &&
		   !o.only_masquerade_default_pool && !o.enable_ip_masq_agent,
	   "masquerading is on");
	ok(o.allocator == ALLOCATOR_LOCAL && o.xdp_guard == XDP_GUARD_DISABLED &&
		   o.snat_port_min == 49152 && o.snat_port_max == 65535 && o.nat_max == 65536,
	   "local, no guard, ports 49152-65535, 65536 flows");
	ok(json_is_array(o.auto_create) && !json_array_size(o.auto_create), "no pool is created");
	options_free(&o);
	options_free(&o);
	ok(true, "freeing twice is fine");
}

static void test_values(void)
{
	json_t *effective = json(
		"{\"ipam-default-ip-pool\":\"mars\",\"enable-ipv6\":\"t\","
		"\"ipam-multi-pool-pre-allocation\":\"venus=4,mars=16\","
		"\"ipv4-native-routing-cidr\":\"10.1.2.3/8, 192.168.0.0/16\","
		"\"ipv6-native-routing-cidr\":\"fd00::1/8\",\"devices\":\"eth0 bond+\","
		"\"mtu\":\"1400\",\"ipam-cilium-node-update-rate\":\"1m30s\","
		"\"node-cidr-allocator\":\"static\",\"xdp-guard\":\"native\","
		"\"snat-port-range\":\"2000-3000\",\"bpf-nat-max\":\"1000\",\"debug\":\"true\"}");
	char text[PREFIX_TEXT];
	struct options o;
	struct error e;

	ok(!options_parse(effective, &o, &e), "all values, and one that is ignored");
	ok(!strcmp(o.default_pool, "mars") && o.enable_ipv6, "default pool, IPv6");
	ok(o.pre_allocation_count == 2 && !strcmp(o.pre_allocations[0].pool, "mars") &&
		   options_pre_allocation(&o, "mars") == 16 &&
		   options_pre_allocation(&o, "venus") == 4 &&
		   options_pre_allocation(&o, "default") == 0,
	   "pre-allocation, sorted by pool");
	ok(o.native_cidr_count == 3 &&
		   !strcmp(prefix_format(&o.native_cidrs[0], text), "10.0.0.0/8") &&
		   !strcmp(prefix_format(&o.native_cidrs[1], text), "192.168.0.0/16") &&
		   !strcmp(prefix_format(&o.native_cidrs[2], text), "fd00::/8"),
	   "native CIDRs of both families, host bits masked off");
	ok(o.device_count == 2 && !strcmp(o.devices[0], "eth0") && !strcmp(o.devices[1], "bond+"),
	   "devices");
	ok(o.mtu == 1400 && o.update_rate_seconds == 90, "mtu and 1m30s");
	ok(o.allocator == ALLOCATOR_STATIC && o.xdp_guard == XDP_GUARD_NATIVE &&
		   o.snat_port_min == 2000 && o.snat_port_max == 3000 && o.nat_max == 1000,
	   "static, native, 2000-3000, 1000");
	options_free(&o);
	json_decref(effective);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} cases[] = { { "0", 0 },     { "0s", 0 },	{ "1s", 1 },	     { "1m", 60 },
		      { "2h", 7200 }, { "1h2m3s", 3723 }, { "1.5m", 90 },    { "500ms", 1 },
		      { "1s1ns", 2 }, { "1us", 1 },	{ "1µs", 1 },	     { "1.s", 1 },
		      { ".5m", 30 },  { "4294967294s", 4294967294 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *effective = json_pack("{s:s}", "ipam-cilium-node-update-rate",
					      cases[i].text);
		struct options o;
		struct error e;

		ok(!options_parse(effective, &o, &e) && o.update_rate_seconds == cases[i].seconds,
		   "%s is %u s", cases[i].text, cases[i].seconds);
		options_free(&o);
		json_decref(effective);
	}
}

static void test_agreement(void)
{
	static const struct {
		const char *effective, *text;
	} cases[] = {
		{ "{\"enable-ipv4\":\"false\"}", "options enable-ipv4 and enable-ipv6: both are false" },
		{ "{\"enable-ipv6\":\"true\",\"mtu\":\"1279\"}", "option mtu: 1279" },
		{ "{\"routing-mode\":\"tunnel\"}", "only native routing is supported" },
		{ "{\"mtu\":\"1\",\"devices\":\"eth0\"}", "option mtu:" },
		{ "{\"enable-ipv4\":\"false\",\"enable-ipv6\":\"true\",\"mtu\":\"1280\"}", NULL },
		{ "{\"mtu\":\"576\"}", NULL },
		{ "{\"mtu\":\"\",\"enable-ipv4\":\"\",\"bpf-nat-max\":\"\",\"snat-port-range\":\"\"}", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *effective = json(cases[i].effective);
		struct options o;
		struct error e = {};
		int err = options_parse(effective, &o, &e);

		ok(cases[i].text ? err == -EINVAL && strstr(e.text, cases[i].text) : !err,
		   "together: %s", cases[i].effective);
		options_free(&o);
		json_decref(effective);
	}
}

static const char *merged(const json_t *effective, const char *name)
{
	return json_string_value(json_object_get(effective, name)) ?: "";
}

/* The seed's two data centres, and two more that come before and after in name order. */
static const char nodeconfigs_text[] =
	"[{\"metadata\":{\"name\":\"ip-pool-dc2\"},\"spec\":{\"defaults\":{\"ipam-default-ip-pool\":\"dc2-pool\"},"
	"\"nodeSelector\":{\"matchLabels\":{\"topology.kubernetes.io/zone\":\"dc2\"}}}},"
	"{\"metadata\":{\"name\":\"ip-pool-dc1\"},\"spec\":{\"defaults\":{\"ipam-default-ip-pool\":\"dc1-pool\"},"
	"\"nodeSelector\":{\"matchLabels\":{\"topology.kubernetes.io/zone\":\"dc1\"}}}},"
	"{\"metadata\":{\"name\":\"z\"},\"spec\":{\"defaults\":{\"mtu\":\"9000\"},"
	"\"nodeSelector\":{\"matchExpressions\":[{\"key\":\"jumbo\",\"operator\":\"Exists\"}]}}},"
	"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"defaults\":{\"ipam-default-ip-pool\":\"a-pool\",\"mtu\":\"1400\"},"
	"\"nodeSelector\":{}}}]";

static void test_merge(void)
{
	static const struct {
		const char *name, *config, *labels, *settings, *option, *value;
	} cases[] = {
		{ "dc1", "{}", "{\"topology.kubernetes.io/zone\":\"dc1\"}", NULL,
		  "ipam-default-ip-pool", "dc1-pool" },
		{ "dc2", "{}", "{\"topology.kubernetes.io/zone\":\"dc2\"}", NULL,
		  "ipam-default-ip-pool", "dc2-pool" },
		{ "no label: only {} matches", "{}", NULL, NULL, "ipam-default-ip-pool", "a-pool" },
		{ "a node's config beats cilium-config", "{\"ipam-default-ip-pool\":\"c\"}",
		  "{\"topology.kubernetes.io/zone\":\"dc1\"}", NULL, "ipam-default-ip-pool",
		  "dc1-pool" },
		{ "--set beats all", "{\"ipam-default-ip-pool\":\"c\"}",
		  "{\"topology.kubernetes.io/zone\":\"dc1\"}", "{\"ipam-default-ip-pool\":\"s\"}",
		  "ipam-default-ip-pool", "s" },
		{ "the later name wins", "{\"mtu\":\"1500\"}", "{\"jumbo\":\"\"}", NULL, "mtu", "9000" },
		{ "an earlier name stays where no later speaks", "{\"mtu\":\"1500\"}", "{}", NULL, "mtu",
		  "1400" },
		{ "cilium-config beats the default", "{\"bpf-nat-max\":\"128\"}", NULL, NULL,
		  "bpf-nat-max", "128" },
		{ "the default", "{}", NULL, NULL, "bpf-nat-max", "65536" },
		{ "\"\" is the default, despite an earlier layer", "{\"mtu\":\"1500\"}", NULL,
		  "{\"mtu\":\"\"}", "mtu", "0" },
		{ "an empty pre-allocation follows the default pool", "{\"ipam-multi-pool-pre-allocation\":\"\"}",
		  NULL, "{\"ipam-default-ip-pool\":\"p\"}", "ipam-multi-pool-pre-allocation", "p=8" },
		{ "Cilium's own options are kept", "{\"kube-proxy-replacement\":\"true\"}", NULL, NULL,
		  "kube-proxy-replacement", "true" },
		{ "pre-allocation follows the default pool", "{}",
		  "{\"topology.kubernetes.io/zone\":\"dc1\"}", NULL, "ipam-multi-pool-pre-allocation",
		  "dc1-pool=8" },
		{ "unless it is set", "{\"ipam-multi-pool-pre-allocation\":\"x=1\"}",
		  "{\"topology.kubernetes.io/zone\":\"dc1\"}", NULL, "ipam-multi-pool-pre-allocation",
		  "x=1" },
	};
	json_t *nodeconfigs = json(nodeconfigs_text), *effective;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *config = json(cases[i].config);
		json_t *labels = cases[i].labels ? json(cases[i].labels) : NULL;
		json_t *settings = cases[i].settings ? json(cases[i].settings) : NULL;

		effective = options_merge(config, nodeconfigs, labels, settings);
		ok(!strcmp(merged(effective, cases[i].option), cases[i].value), "layers: %s: %s is %s",
		   cases[i].name, cases[i].option, cases[i].value);
		json_decref(effective);
		json_decref(config);
		json_decref(labels);
		json_decref(settings);
	}
	effective = options_merge(NULL, NULL, NULL, NULL);
	ok(json_object_size(effective) == options_table_count &&
		   !strcmp(merged(effective, "ipam-multi-pool-pre-allocation"), "default=8"),
	   "without any layer: all defaults are filled in");
	json_decref(effective);
	json_decref(nodeconfigs);
}

int main(void)
{
	test_check();
	test_names();
	test_cilium();
	test_slips();
	test_many();
	test_defaults();
	test_values();
	test_durations();
	test_agreement();
	test_merge();
	return tap_done();
}

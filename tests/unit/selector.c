// SPDX-License-Identifier: GPL-2.0-only
/* Label selectors of Kubernetes, and the choice per family (pinpool-ipam(7), CHOICE OF THE POOL). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/manifest/selector.h"
#include "tests/lib/tap.h"

static json_t *json(const char *text)
{
	json_error_t error;
	char plain[2048];
	size_t n = 0;
	json_t *value;

	if (!text)
		return NULL;
	/* single quotes, for tables that can be read */
	for (; text[n] && n < sizeof(plain) - 1; n++)
		plain[n] = text[n] == '\'' ? '"' : text[n];
	plain[n] = 0;
	value = json_loads(plain, 0, &error);
	if (!value) {
		printf("# %s: %s\n", plain, error.text);
		abort();
	}
	return value;
}

static void test_selectors(void)
{
	static const struct {
		const char *selector, *labels;
		bool partial, matches;
	} cases[] = {
		{ NULL, "{}", false, true },
		{ NULL, NULL, true, true },
		{ "{}", "{}", false, true },
		{ "{}", NULL, true, true },
		{ "{'matchLabels':{}}", "{'a':'1'}", false, true },
		{ "{'matchLabels':{'a':'1'}}", "{'a':'1','b':'2'}", false, true },
		{ "{'matchLabels':{'a':'1'}}", "{'a':'2'}", false, false },
		{ "{'matchLabels':{'a':'1'}}", "{'A':'1'}", false, false },
		{ "{'matchLabels':{'a':''}}", "{'a':''}", false, true },
		{ "{'matchLabels':{'a':''}}", "{}", false, false },
		{ "{'matchLabels':{'a':'1','b':'2'}}", "{'a':'1'}", false, false },
		{ "{'matchLabels':{'a':'1'}}", NULL, false, false },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['1','2']}]}",
		  "{'a':'2'}", false, true },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['1','2']}]}",
		  "{'a':'3'}", false, false },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['1']}]}", "{}", false,
		  false },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}",
		  "{'a':'1'}", false, false },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}",
		  "{'a':'2'}", false, true },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}", "{}",
		  false, true },
		{ "{'matchExpressions':[{'key':'a','operator':'Exists'}]}", "{'a':''}", false, true },
		{ "{'matchExpressions':[{'key':'a','operator':'Exists'}]}", "{'b':''}", false,
		  false },
		{ "{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", "{}", false,
		  true },
		{ "{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", "{'a':'1'}",
		  false, false },
		{ "{'matchExpressions':[{'key':'a','operator':'Near'}]}", "{'a':'1'}", false,
		  false },
		{ "{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'b','operator':'Exists'}]}",
		  "{'a':'1','b':'2'}", false, true },
		{ "{'matchLabels':{'a':'1'},'matchExpressions':[{'key':'b','operator':'Exists'}]}",
		  "{'a':'1'}", false, false },
		/* the caller knew only some labels: an unknown one matches no operator */
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}", "{}",
		  true, false },
		{ "{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", NULL, true,
		  false },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}",
		  "{'a':'2'}", true, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *selector = json(cases[i].selector), *labels = json(cases[i].labels);

		ok(selector_matches(selector, labels, !cases[i].partial) == cases[i].matches,
		   "selector %s%s%s %s", cases[i].selector ?: "absent",
		   cases[i].matches ? " matches " : " does not match ", cases[i].labels ?: "no labels",
		   cases[i].partial ? "(not all known)" : "");
		json_decref(selector);
		json_decref(labels);
	}
}

#define V4 "'ipv4':{'cidrs':['10.0.0.0/16'],'maskSize':24}"
#define V6 "'ipv6':{'cidrs':['fd00::/48'],'maskSize':64}"
#define POOL(name, spec) "{'metadata':{'name':'" name "'},'spec':{" spec "}}"
#define WEB "'podSelector':{'matchLabels':{'app':'web'}}"
#define TEAM "'namespaceSelector':{'matchLabels':{'team':'a'}}"

/* What each line has in common: pod default/web-0 with app=web, namespace without labels. */
struct choice_case {
	const char *name;
	const char *annotations, *namespace_annotations;
	const char *pools;
	const char *pool; /* NULL: an error with @error in it */
	enum pool_reason reason;
	const char *error;
	const char *labels, *namespace_labels; /* NULL: app=web; none */
	bool labels_unknown, plain;
	enum family family;
	int err;
};

static const struct choice_case choices[] = {
	/* 1: the pod's annotations */
	{ .name = "no annotation, no pool: the default", .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "pod ip-pool", .annotations = "{'ipam.cilium.io/ip-pool':'mars'}", .pool = "mars",
	  .reason = POOL_BY_ANNOTATION },
	{ .name = "pod ip-pool for IPv6 too", .annotations = "{'ipam.cilium.io/ip-pool':'mars'}",
	  .pool = "mars", .reason = POOL_BY_ANNOTATION, .family = FAMILY_IPV6 },
	{ .name = "pod ipv4-pool beats ip-pool",
	  .annotations = "{'ipam.cilium.io/ip-pool':'mars','ipam.cilium.io/ipv4-pool':'four'}",
	  .pool = "four", .reason = POOL_BY_FAMILY_ANNOTATION },
	{ .name = "pod ipv4-pool does not affect IPv6",
	  .annotations = "{'ipam.cilium.io/ip-pool':'mars','ipam.cilium.io/ipv4-pool':'four'}",
	  .pool = "mars", .reason = POOL_BY_ANNOTATION, .family = FAMILY_IPV6 },
	{ .name = "pod ipv6-pool for IPv6", .annotations = "{'ipam.cilium.io/ipv6-pool':'six'}",
	  .pool = "six", .reason = POOL_BY_FAMILY_ANNOTATION, .family = FAMILY_IPV6 },
	{ .name = "pod ipv6-pool, IPv4: the default",
	  .annotations = "{'ipam.cilium.io/ipv6-pool':'six'}", .pool = "dflt",
	  .reason = POOL_BY_DEFAULT },
	{ .name = "a pool that does not exist is taken literally",
	  .annotations = "{'ipam.cilium.io/ip-pool':'nowhere'}", .pools = "[" POOL("w", V4 "," WEB) "]",
	  .pool = "nowhere", .reason = POOL_BY_ANNOTATION },
	{ .name = "an empty annotation counts as absent",
	  .annotations = "{'ipam.cilium.io/ip-pool':'','ipam.cilium.io/ipv4-pool':''}",
	  .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "an empty family annotation leaves the generic one",
	  .annotations = "{'ipam.cilium.io/ip-pool':'mars','ipam.cilium.io/ipv4-pool':''}",
	  .pool = "mars", .reason = POOL_BY_ANNOTATION },
	{ .name = "the seed's typo chooses nothing",
	  .annotations = "{'ipam.cilium.io/ipam-pool':'mars'}", .pool = "dflt",
	  .reason = POOL_BY_DEFAULT },
	/* 2: the namespace's */
	{ .name = "namespace ip-pool", .namespace_annotations = "{'ipam.cilium.io/ip-pool':'mars'}",
	  .pool = "mars", .reason = POOL_BY_ANNOTATION },
	{ .name = "namespace ipv4-pool beats its ip-pool",
	  .namespace_annotations =
		  "{'ipam.cilium.io/ip-pool':'mars','ipam.cilium.io/ipv4-pool':'four'}",
	  .pool = "four", .reason = POOL_BY_FAMILY_ANNOTATION },
	{ .name = "any pod annotation beats any of the namespace",
	  .annotations = "{'ipam.cilium.io/ip-pool':'pod'}",
	  .namespace_annotations = "{'ipam.cilium.io/ipv4-pool':'ns'}", .pool = "pod",
	  .reason = POOL_BY_ANNOTATION },
	{ .name = "a pod annotation for IPv6 leaves IPv4 to the namespace",
	  .annotations = "{'ipam.cilium.io/ipv6-pool':'six'}",
	  .namespace_annotations = "{'ipam.cilium.io/ip-pool':'ns'}", .pool = "ns",
	  .reason = POOL_BY_ANNOTATION },
	{ .name = "an empty pod annotation leaves it to the namespace",
	  .annotations = "{'ipam.cilium.io/ip-pool':''}",
	  .namespace_annotations = "{'ipam.cilium.io/ip-pool':'ns'}", .pool = "ns",
	  .reason = POOL_BY_ANNOTATION },
	{ .name = "a namespace annotation beats selectors",
	  .namespace_annotations = "{'ipam.cilium.io/ip-pool':'ns'}",
	  .pools = "[" POOL("w", V4 "," WEB) "]", .pool = "ns", .reason = POOL_BY_ANNOTATION },
	/* 3: selectors */
	{ .name = "podSelector", .pools = "[" POOL("w", V4 "," WEB) "]", .pool = "w",
	  .reason = POOL_BY_SELECTOR },
	{ .name = "podSelector of another app", .pools = "[" POOL("w", V4 "," WEB) "]",
	  .labels = "{'app':'db'}", .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "namespaceSelector", .pools = "[" POOL("t", V4 "," TEAM) "]",
	  .namespace_labels = "{'team':'a'}", .pool = "t", .reason = POOL_BY_SELECTOR },
	{ .name = "both selectors must match: only the pod's does",
	  .pools = "[" POOL("b", V4 "," WEB "," TEAM) "]", .namespace_labels = "{'team':'b'}",
	  .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "both selectors must match: only the namespace's does",
	  .pools = "[" POOL("b", V4 "," WEB "," TEAM) "]", .labels = "{}",
	  .namespace_labels = "{'team':'a'}", .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "both selectors match", .pools = "[" POOL("b", V4 "," WEB "," TEAM) "]",
	  .namespace_labels = "{'team':'a'}", .pool = "b", .reason = POOL_BY_SELECTOR },
	{ .name = "a pool with neither selector is never selected", .pools = "[" POOL("n", V4) "]",
	  .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "podSelector {} matches everything",
	  .pools = "[" POOL("e", V4 ",'podSelector':{}") "," POOL("n", V4) "]", .pool = "e",
	  .reason = POOL_BY_SELECTOR },
	{ .name = "namespaceSelector {} matches a namespace without manifest",
	  .pools = "[" POOL("e", V4 ",'namespaceSelector':{}") "]", .pool = "e",
	  .reason = POOL_BY_SELECTOR },
	{ .name = "a namespace without manifest matches no operator",
	  .pools = "[" POOL("e", V4 ",'namespaceSelector':{'matchExpressions':"
				  "[{'key':'x','operator':'DoesNotExist'}]}") "]",
	  .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "a described namespace without the label does match DoesNotExist",
	  .pools = "[" POOL("e", V4 ",'namespaceSelector':{'matchExpressions':"
				  "[{'key':'x','operator':'DoesNotExist'}]}") "]",
	  .namespace_labels = "{}", .pool = "e", .reason = POOL_BY_SELECTOR },
	{ .name = "a pool without the family is not a candidate",
	  .pools = "[" POOL("w6", V6 "," WEB) "]", .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "one pool for each family: IPv4",
	  .pools = "[" POOL("w4", V4 "," WEB) "," POOL("w6", V6 "," WEB) "]", .pool = "w4",
	  .reason = POOL_BY_SELECTOR },
	{ .name = "one pool for each family: IPv6",
	  .pools = "[" POOL("w4", V4 "," WEB) "," POOL("w6", V6 "," WEB) "]", .pool = "w6",
	  .reason = POOL_BY_SELECTOR, .family = FAMILY_IPV6 },
	{ .name = "the synthetic namespace label",
	  .pools = "[" POOL("s", V4 ",'podSelector':{'matchLabels':"
				  "{'io.kubernetes.pod.namespace':'default'}}") "]",
	  .labels_unknown = true, .labels = "{}", .pool = "s", .reason = POOL_BY_SELECTOR },
	{ .name = "the synthetic name label",
	  .pools = "[" POOL("s", V4 ",'podSelector':{'matchExpressions':[{'key':"
				  "'io.kubernetes.pod.name','operator':'In','values':['web-0']}]}") "]",
	  .pool = "s", .reason = POOL_BY_SELECTOR },
	{ .name = "the synthetic label under NotIn",
	  .pools = "[" POOL("s", V4 ",'podSelector':{'matchExpressions':[{'key':"
				  "'io.kubernetes.pod.name','operator':'NotIn','values':['x']}]}") "]",
	  .labels_unknown = true, .labels = "{}", .pool = "s", .reason = POOL_BY_SELECTOR },
	{ .name = "labels that no runtime gave match no operator",
	  .pools = "[" POOL("s", V4 ",'podSelector':{'matchExpressions':"
				  "[{'key':'app','operator':'NotIn','values':['x']}]}") "]",
	  .labels_unknown = true, .labels = "{}", .pool = "dflt", .reason = POOL_BY_DEFAULT },
	{ .name = "two pools match", .err = -EINVAL,
	  .pools = "[" POOL("w1", V4 "," WEB) "," POOL("x", V4) "," POOL("w2", V4 "," WEB) "]",
	  .error = "multiple CiliumPodIPPools match pod default/web-0 (family=ipv4): w1 and w2" },
	{ .name = "two pools match, but the pod is annotated",
	  .annotations = "{'ipam.cilium.io/ip-pool':'w2'}",
	  .pools = "[" POOL("w1", V4 "," WEB) "," POOL("w2", V4 "," WEB) "]", .pool = "w2",
	  .reason = POOL_BY_ANNOTATION },
	/* 4: require-pool-match */
	{ .name = "require-pool-match on the pod", .err = -ENOENT,
	  .annotations = "{'ipam.cilium.io/require-pool-match':'true'}",
	  .error = "no matching CiliumPodIPPool found for pod default/web-0 (family=ipv4) and "
		   "require-pool-match annotation is set on pod" },
	{ .name = "require-pool-match on the namespace, IPv6", .err = -ENOENT,
	  .namespace_annotations = "{'ipam.cilium.io/require-pool-match':'true'}",
	  .error = "no matching CiliumPodIPPool found for pod default/web-0 (family=ipv6) and "
		   "require-pool-match annotation is set on namespace", .family = FAMILY_IPV6 },
	{ .name = "require-pool-match on both names the pod", .err = -ENOENT,
	  .annotations = "{'ipam.cilium.io/require-pool-match':'true'}",
	  .namespace_annotations = "{'ipam.cilium.io/require-pool-match':'true'}",
	  .error = "annotation is set on pod" },
	{ .name = "require-pool-match must be exactly true",
	  .annotations = "{'ipam.cilium.io/require-pool-match':'True'}",
	  .namespace_annotations = "{'ipam.cilium.io/require-pool-match':'1'}", .pool = "dflt",
	  .reason = POOL_BY_DEFAULT },
	{ .name = "require-pool-match with a match",
	  .annotations = "{'ipam.cilium.io/require-pool-match':'true'}",
	  .pools = "[" POOL("w", V4 "," WEB) "]", .pool = "w", .reason = POOL_BY_SELECTOR },
	{ .name = "require-pool-match with an annotation",
	  .annotations =
		  "{'ipam.cilium.io/require-pool-match':'true','ipam.cilium.io/ip-pool':'mars'}",
	  .pool = "mars", .reason = POOL_BY_ANNOTATION },
	/* plain containers */
	{ .name = "a plain container uses the default pool", .plain = true,
	  .pools = "[" POOL("e", V4 ",'podSelector':{}") "]",
	  .namespace_annotations = "{'ipam.cilium.io/ip-pool':'mars'}", .pool = "dflt",
	  .reason = POOL_BY_DEFAULT },
	{ .name = "unless its author names one", .plain = true,
	  .annotations = "{'ipam.cilium.io/ip-pool':'mars'}", .pool = "mars",
	  .reason = POOL_BY_ANNOTATION },
};

static void test_choices(void)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		const struct choice_case *c = &choices[i];
		json_t *annotations = json(c->annotations), *labels = json(c->labels ?: "{'app':'web'}");
		json_t *namespace_annotations = json(c->namespace_annotations);
		json_t *namespace_labels = json(c->namespace_labels), *pools = json(c->pools ?: "[]");
		struct pod_identity pod = {
			.namespace = c->plain ? NULL : "default",
			.name = c->plain ? "" : "web-0",
			.annotations = annotations,
			.labels = labels,
			.known_labels = !c->labels_unknown,
			.namespace_annotations = namespace_annotations,
			.namespace_labels = namespace_labels,
		};
		struct pool_choice choice = {};
		struct error e = {};
		int err = pool_choose(&pod, c->family, pools, "dflt", &choice, &e);

		if (!ok(c->pool ? !err && !strcmp(choice.pool, c->pool) &&
					  choice.reason == c->reason :
				  err == c->err && strstr(e.text, c->error),
			"pool: %s", c->name))
			printf("# %d \"%s\" by %d: %s\n", err, choice.pool, choice.reason, e.text);
		ok(json_object_size(labels) <= 1, "pool: %s: the caller's labels are left alone",
		   c->name);
		json_decref(annotations);
		json_decref(labels);
		json_decref(namespace_annotations);
		json_decref(namespace_labels);
		json_decref(pools);
	}
}

static void test_needs_labels(void)
{
	static const struct {
		const char *selector;
		bool needs;
	} cases[] = {
		{ NULL, false },
		{ "{}", false },
		{ "{'matchLabels': {'io.kubernetes.pod.namespace': 'a', 'io.kubernetes.pod.name': 'b'}}", false },
		{ "{'matchLabels': {'io.kubernetes.pod.namespace': 'a', 'app': 'b'}}", true },
		{ "{'matchExpressions': [{'key': 'io.kubernetes.pod.name', 'operator': 'Exists'}]}", false },
		{ "{'matchExpressions': [{'key': 'io.kubernetes.pod.name', 'operator': 'Exists'}, {'key': 'app', 'operator': 'DoesNotExist'}]}", true },
		{ "{'matchLabels': {'io.kubernetes.pod.namespacex': 'a'}}", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *selector = json(cases[i].selector);

		ok(selector_needs_labels(selector) == cases[i].needs, "%s looks at %s", cases[i].selector ?: "none",
		   cases[i].needs ? "labels" : "names alone");
		json_decref(selector);
	}
}

static void test_long_name(void)
{
	char name[400];
	json_t *annotations;
	struct pod_identity pod = { .namespace = "default", .name = "web-0" };
	struct pool_choice choice;
	struct error e = {};

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	annotations = json_pack("{s:s}", "ipam.cilium.io/ip-pool", name);
	pod.annotations = annotations;
	ok(pool_choose(&pod, FAMILY_IPV4, NULL, "dflt", &choice, &e) == -EINVAL &&
		   strstr(e.text, "more than 255 characters"),
	   "a pool name that no object can have is refused");
	json_decref(annotations);
}

static void test_hints(void)
{
	static const struct {
		const char *key, *hint;
	} cases[] = {
		{ "ipam.cilium.io/ip-pool", NULL },
		{ "ipam.cilium.io/ipv4-pool", NULL },
		{ "ipam.cilium.io/ipv6-pool", NULL },
		{ "ipam.cilium.io/require-pool-match", NULL },
		{ "ipam.cilium.io/skip-masquerade", NULL },
		{ "ipam.cilium.io/ipam-pool", "did you mean ip-pool?" },
		{ "ipam.cilium.io/pool", "did you mean ip-pool?" },
		{ "ipam.cilium.io/ippool", "did you mean ip-pool?" },
		{ "ipam.cilium.io/v4-pool", "did you mean ipv4-pool?" },
		{ "ipam.cilium.io/ipv6pool", "did you mean ipv6-pool?" },
		{ "ipam.cilium.io/require-match", "did you mean require-pool-match?" },
		{ "ipam.cilium.io/no-masquerade", "did you mean skip-masquerade?" },
		{ "cilium.io/ip-pool", "did you mean the domain ipam.cilium.io?" },
		{ "io.cilium.ipam/ipv4-pool", "did you mean the domain ipam.cilium.io?" },
		{ "lbipam.cilium.io/ips", NULL },
		{ "example.com/ip-pool", NULL },
		{ "ip-pool", NULL },
		{ "", NULL },
		{ "pinpool.io/ipv4-address", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *hint = annotation_hint(cases[i].key);

		ok(cases[i].hint ? hint && !strcmp(hint, cases[i].hint) : !hint,
		   "annotation %s: %s", cases[i].key, cases[i].hint ?: "no hint");
	}
}

int main(void)
{
	test_selectors();
	test_choices();
	test_needs_labels();
	test_long_name();
	test_hints();
	return tap_done();
}

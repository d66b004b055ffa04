// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manifests (pinpool-ipam(7), OBJECTS): manifest.cases has every field, error and warning; this
 * file tests the notations of one object, several documents, and that a file is applied completely
 * or not at all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/manifest_round.h"
#include "tests/lib/tap.h"
#include "tests/unit/manifest_cases.h"

#define CASES "tests/unit/manifest.cases"

/* The only object of @text is @json, and comes back from JSON and YAML. */
static void check_object(const char *name, const char *text, const char *json)
{
	char *got = NULL, *yaml = NULL;
	struct manifest m;
	struct error e;

	if (!parse(text, &m, &e) && m.count == 1 && m.objects[0].json) {
		got = object_text(m.objects[0].json);
		yaml = json_to_yaml(m.objects[0].json);
	}
	if (!ok(got && !strcmp(got, json), "%s", name))
		printf("# wanted %s\n# got    %s\n", json, got ? got : e.text);
	ok(got && normalizes_to(got, got) && normalizes_to(yaml, got), "%s: comes back", name);
	manifest_free(&m);
	free(yaml);
	free(got);
}

static void check_error(const char *text, const char *wanted)
{
	struct manifest m;
	struct error e;
	int err = parse(text, &m, &e);

	if (!ok(err == -EINVAL && strstr(e.text, wanted) && !m.count && !m.objects &&
			!strchr(e.text, '\n'),
		"refused: %s", wanted))
		printf("# got %d %s\n", err, e.text);
	manifest_free(&m);
}

/* @wanted "": none */
static void check_warning(const char *text, const char *wanted)
{
	struct manifest m;
	struct error e;
	bool pass = !parse(text, &m, &e) && m.warning_count == (*wanted != 0);

	pass = pass && (!*wanted || strstr(m.warnings[0], wanted));
	if (!ok(pass, "warning: %s", *wanted ? wanted : "none"))
		printf("# got %s\n", m.warning_count ? m.warnings[0] : e.text);
	manifest_free(&m);
}

static const char *head(const char *line)
{
	static const struct {
		const char *line, *text;
	} heads[] = {
		{ "@pool\n", POOL }, { "@node\n", NODE }, { "@nodeconfig\n", NODECONFIG },
		{ "@config\n", CONFIG }, { "@masq\n", MASQ }, { "@namespace\n", NAMESPACE },
		{ "@service\n", SERVICE }, { "@slice\n", SLICE },
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (!strcmp(line, heads[i].line))
			return heads[i].text;
	return line;
}

static void run_case(const char *name, const char *text, const char *wanted)
{
	if (*wanted == '=')
		check_object(name, text, wanted + 2);
	else if (*wanted == '!')
		check_error(text, wanted + 2);
	else
		check_warning(text, wanted + 2);
}

static void test_cases(void)
{
	char name[128] = "", text[4096] = "", line[2048];
	FILE *f = fopen(CASES, "r");

	if (!ok(f, "%s is there; run the tests from the root of the tree", CASES))
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strchr("=!~", *line) && line[1] == ' ') {
			line[strcspn(line, "\n")] = 0;
			run_case(name, text, line);
			*text = 0;
		} else if (*line == '#' && !*text) {
			line[strcspn(line, "\n")] = 0;
			snprintf(name, sizeof(name), "%.120s", line + 2);
		} else if (*line != '\n') {
			strcat(text, head(line));
		}
	}
	fclose(f);
}

/* Bytes that an editor would not show in manifest.cases. */
static void test_line_ends(void)
{
	static const char crlf[] =
		"apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: cilium-config\r\n"
		"data:\r\n  a: |\r\n    b\r\n    c\r\n";
	static const char json[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
		"{\"name\":\"cilium-config\"},\"data\":{\"a\":\"b\\nc\\n\"}}";
	char bom[512] = "\xef\xbb\xbf";

	check_object("CRLF", crlf, json);
	check_object("BOM and YAML", strcat(bom, crlf), json);
	strcpy(bom + 3, json);
	check_object("BOM and JSON", bom, json);
}

static bool same_object(const struct object *o, enum object_kind kind, const char *kind_name,
			const char *name, const char *where)
{
	return o->kind == kind && !strcmp(o->kind_name, kind_name) && !strcmp(o->name, name) &&
	       !strcmp(o->where, where) && !o->json == (kind == OBJECT_NONE);
}

/* Kinds that are not ours, lists, and where each object stands. */
static void test_documents(void)
{
	static const char text[] =
		IPV4 "---\n"
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
		"spec: {unknown: [1, {2: 3}]}\n"
		"---\n" NODE "spec: {}\n";
	static const char lists[] =
		"apiVersion: v1\nkind: List\nitems:\n"
		"- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: kube-proxy}\n"
		"  data: {a: 1}\n"
		"- apiVersion: v1\n  kind: NamespaceList\n  items:\n  - metadata: {name: a}\n"
		"- apiVersion: v1\n  kind: List\n  items: []\n"
		"- {apiVersion: metal.io/v1, kind: Node, metadata: {name: 7}}\n"
		"---\napiVersion: v1\nkind: List\nitems: null\n";
	struct manifest m;
	struct error e;

	ok(!parse(text, &m, &e) && m.count == 3 &&
		   same_object(&m.objects[0], OBJECT_POOL, "CiliumPodIPPool", "mars", "f.yaml:1") &&
		   same_object(&m.objects[1], OBJECT_NONE, "Deployment", "web", "f.yaml:6") &&
		   same_object(&m.objects[2], OBJECT_CILIUMNODE, "CiliumNode", "n1", "f.yaml:11"),
	   "documents in their order, a Deployment among them is ignored");
	manifest_free(&m);
	ok(!parse(lists, &m, &e) && m.count == 3 &&
		   same_object(&m.objects[0], OBJECT_NONE, "ConfigMap", "kube-proxy", "f.yaml:4") &&
		   same_object(&m.objects[1], OBJECT_NAMESPACE, "Namespace", "a", "f.yaml:11") &&
		   same_object(&m.objects[2], OBJECT_NONE, "Node", "", "f.yaml:15"),
	   "lists in lists; another's ConfigMap and another group's Node are ignored");
	manifest_free(&m);
	ok(!parse("apiVersion: v1\nkind: \"a\\e[2J\"\nmetadata: {name: \"\\x9b\"}\n", &m, &e) &&
		   same_object(m.objects, OBJECT_NONE, "a?[2J", "??", "f.yaml:1"),
	   "an ignored kind cannot write to the terminal");
	manifest_free(&m);
	ok(parse(NODE "spec: {ipam: {podCIDRs: [\"\\e[2J\"]}}", &m, &e) &&
		   strstr(e.text, "invalid CIDR \"?[2J\""),
	   "neither can a bad value");
	manifest_free(&m);
}

static void test_whole_or_not(void)
{
	struct manifest m = {};
	struct error e;
	const char *bad = IPV4 "---\n" NODE "spec: {x: 1}\n";

	ok(!manifest_parse("a", IPV4, strlen(IPV4), &m, &e) && m.count == 1, "one file");
	ok(manifest_parse("b", bad, strlen(bad), &m, &e) == -EINVAL && m.count == 1 &&
		   !m.warning_count,
	   "the next one has a good and a bad object: nothing of it is taken");
	ok(!manifest_parse("c", IPV4, strlen(IPV4), &m, &e) && m.count == 2 &&
		   !strcmp(m.objects[1].where, "c:1"),
	   "another one is added");
	manifest_free(&m);
	ok(!m.objects && !m.count, "freed");
}

int main(void)
{
	test_cases();
	test_line_ends();
	test_documents();
	test_whole_or_not();
	return tap_done();
}

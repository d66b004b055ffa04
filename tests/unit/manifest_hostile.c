// SPDX-License-Identifier: GPL-2.0-only
/* Hostile manifests: big, deep, multiplying, not text at all; and files that cannot be read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loader/manifest/pool_spec.h"
#include "tests/lib/tap.h"
#include "tests/unit/manifest_cases.h"

static char *repeat(const char *head, const char *text, size_t times, const char *tail)
{
	size_t length = strlen(text);
	char *all = malloc(strlen(head) + length * times + strlen(tail) + 1), *at = all;

	at = stpcpy(at, head);
	for (size_t i = 0; i < times; i++)
		at = memcpy(at, text, length) + length;
	strcpy(at, tail);
	return all;
}

/* Of this process alone: what else runs is not the reader's fault. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* @text is freed; @wanted: what the error says, or NULL for @count objects. */
static void check_big(const char *name, char *text, const char *wanted, size_t count)
{
	double start = now();
	struct manifest m;
	struct error e;
	int err = parse(text, &m, &e);

	ok(wanted ? err < 0 && strstr(e.text, wanted) && !m.count : !err && m.count == count,
	   "%s (%zu KB in %.0f ms)", name, strlen(text) >> 10, (now() - start) * 1000);
	if (err && (!wanted || !strstr(e.text, wanted)))
		printf("# %s\n", e.text);
	manifest_free(&m);
	free(text);
}

static char *pools(size_t count, bool json)
{
	static const char yaml_head[] = "apiVersion: cilium.io/v2\nkind: CiliumPodIPPool\n"
					"metadata: {name: p%zu}\n"
					"spec:\n  ipv4:\n    maskSize: 27\n    cidrs:\n";
	static const char json_head[] = "{\"apiVersion\":\"cilium.io/v2\","
					"\"kind\":\"CiliumPodIPPool\","
					"\"metadata\":{\"name\":\"p%zu\"},"
					"\"spec\":{\"ipv4\":{\"maskSize\":27,\"cidrs\":[";
	char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	for (size_t i = 0; i < count; i++) {
		fprintf(f, json ? json_head : yaml_head, i);
		for (int j = 0; j < POOL_CIDRS_MAX; j++)
			fprintf(f, json ? "%s\"10.%d.%d.0/24\"" : "%s    - 10.%d.%d.0/24\n",
				json && j ? "," : "", (int)i % 256, j);
		fprintf(f, json ? "]}}}\n" : "---\n");
	}
	fclose(f);
	return text;
}

static char *alias_bomb(void)
{
	char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	fprintf(f, "a0: &a0 lol\n");
	for (int i = 1; i < 10; i++) {
		fprintf(f, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			fprintf(f, "%s*a%d", j ? "," : "", i - 1);
		fprintf(f, "]\n");
	}
	fclose(f);
	return text;
}

static void test_hostile(void)
{
	double start = now();

	check_big("1,000 pools of 32 CIDRs", pools(1000, false), NULL, 1000);
	check_big("1,000 pools of 32 CIDRs, JSON", pools(1000, true), NULL, 1000);
	ok(now() - start < 10 * tap_slow(), "in no time, even under a sanitizer");
	check_big("33 CIDRs",
		  repeat(POOL "spec: {ipv4: {maskSize: 24, cidrs: [", "10.0.0.0/8,", 33, "]}}"),
		  "spec.ipv4.cidrs: has 33 entries; it must have 1 to 32", 0);
	check_big("10 MB of comments", repeat("", "# a comment of some length\n", 400000, IPV4),
		  NULL, 1);
	check_big("10 MB of another kind",
		  repeat("apiVersion: v1\nkind: X\nspec:\n", "- {a: b, c: [d]}\n", 600000, ""),
		  NULL, 1);
	check_big("10 MB string", repeat(CONFIG "data: {a: '", "0123456789", 1000000, "'}"),
		  "more than 1564672 bytes of text", 0);
	check_big("alias bomb", alias_bomb(),
		  "aliases stand for more than 16 MB; write the values out", 0);
	check_big("many aliases", repeat("a: &a b\nc: [", "*a,", 1000000, "]"),
		  "aliases stand for more", 0);
	check_big("many anchors", repeat("a: [", "&a b,", 2000, "]"), "more than 1024 anchors", 0);
	check_big("deep flow", repeat("a: ", "[", 100000, ""), "nested deeper than 100 levels", 0);
	check_big("deep block", repeat("a:\n ", "- ", 100000, ""), "nested deeper than 100 levels",
		  0);
	check_big("deep JSON", repeat("", "{\"a\":", 100000, ""), "nested deeper than 100 levels",
		  0);
	check_big("long key in JSON",
		  repeat("{\"apiVersion\":\"v1\",\"kind\":\"X\",\"", "0123456789", 1000, "\":1}"),
		  NULL, 1);
	check_big("name of 253 bytes", repeat(KNODE "metadata: {name: ", "ab.", 84, "a}"), NULL, 1);
	check_big("name of 254 bytes", repeat(KNODE "metadata: {name: ", "ab.", 84, "ab}"),
		  "invalid name", 0);
	check_big("namespace of 63 bytes", repeat(NAMESPACE "metadata: {name: ", "abc", 21, "}"), NULL,
		  1);
	check_big("namespace of 64 bytes", repeat(NAMESPACE "metadata: {name: ", "abcd", 16, "}"),
		  "invalid namespace", 0);
	check_big("namespace with a dot", repeat(NAMESPACE "metadata: {name: ", "a.", 2, "b}"),
		  "invalid namespace", 0);
	check_big("label of 64 bytes",
		  repeat(NAMESPACE "metadata: {name: a, labels: {a: ", "ab", 32, "}}"),
		  "invalid label value", 0);
	check_big("65 MB", repeat("", "# 56789\n", 65 << 17, ""), "larger than 64 MB; split it", 0);
}

static void test_nul(void)
{
	static const char text[] = IPV4 "\0";
	struct manifest m = {};
	struct error e;

	ok(manifest_parse("f", text, sizeof(text), &m, &e) == -EINVAL &&
		   strstr(e.text, "f:5: a NUL byte"),
	   "NUL byte");
	ok(!manifest_parse("f", "", 0, &m, &e) && !m.count, "empty file");
	ok(!manifest_parse("f", "\n# x\n---\n", 9, &m, &e) && !m.count, "only comments");
	manifest_free(&m);
}

static void test_bytes(void)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "a: x\nb: \xe9\n", "f.yaml:2: not valid UTF-8" },
		{ "a: \xc0\xaf\n", "f.yaml:1: not valid UTF-8" },
		{ "a: \xed\xa0\x80\n", "f.yaml:1: not valid UTF-8" },
		{ "a: \xf4\x90\x80\x80\n", "f.yaml:1: not valid UTF-8" },
		{ "{\"a\":\n\"\xff\"}", "f.yaml:2: not valid UTF-8" },
		{ "{\"a\":\"b", "f.yaml:1: not valid JSON: premature end of input" },
		{ "a: b\nc: \x01\n", "f.yaml:2: not valid YAML: control characters are not" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct manifest m;
		struct error e;

		if (!ok(parse(cases[i].text, &m, &e) == -EINVAL && strstr(e.text, cases[i].wanted),
			"bytes: %s", cases[i].wanted))
			printf("# got %s\n", e.text);
		manifest_free(&m);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

/* In the working directory, which is empty and ours. */
static void test_directory(void)
{
	struct manifest m = {};
	struct error e = {};

	ok(!manifest_read(".", &m, &e) && !m.count, "directory without manifests");
	write_file("b.yaml", IPV4);
	write_file("a.json",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}");
	write_file("c.yml", NODE "spec: {}");
	write_file("c.txt", "not a manifest");
	write_file(".hidden.yaml", "not a manifest");
	mkdir("d.yaml", 0755);
	write_file("d.yaml/e.yaml", "not a manifest");
	mkfifo("f.yaml", 0644);
	ok(!manifest_read(".", &m, &e) && m.count == 3 &&
		   !strcmp(m.objects[0].where, "./a.json:1") &&
		   !strcmp(m.objects[1].where, "./b.yaml:1") &&
		   !strcmp(m.objects[2].where, "./c.yml:1"),
	   "*.yaml, *.yml and *.json in name order; no hidden file, folder or pipe");
	write_file("z.yaml", "kind: Node\n");
	ok(manifest_read(".", &m, &e) == -EINVAL && m.count == 3 &&
		   strstr(e.text, "./z.yaml:1: apiVersion"),
	   "a directory with one bad file adds nothing");
	unlink("z.yaml");
	ok(!symlink("b.yaml", "g.yaml") && !manifest_read(".", &m, &e) && m.count == 7, "symlink");
	ok(!symlink("h.yaml", "h.yaml") && manifest_read(".", &m, &e) == -ELOOP && m.count == 7 &&
		   strstr(e.text, "./h.yaml: cannot read: Too many levels"),
	   "symlink to itself: %s", e.text);
	ok(manifest_read("h.yaml", &m, &e) == -ELOOP && strstr(e.text, "h.yaml: cannot read"),
	   "the same, named itself");
	unlink("h.yaml");
	ok(manifest_read("none.yaml", &m, &e) == -ENOENT &&
		   strstr(e.text, "none.yaml: cannot read: No such"),
	   "no such file");
	manifest_free(&m);
}

static void test_reading(void)
{
	char folder[] = "/tmp/pinpool-manifest-XXXXXX", command[64];
	struct manifest m = {};
	struct error e = {};
	int fd, home = open(".", O_RDONLY | O_DIRECTORY);

	if (!mkdtemp(folder) || chdir(folder))
		abort();
	test_directory();
	fd = open("b.yaml", O_RDONLY);
	dup2(fd, STDIN_FILENO);
	close(fd);
	ok(!manifest_read("-", &m, &e) && m.count == 1 && !strcmp(m.objects[0].where, "stdin:1"),
	   "standard input");
	/* root may read what has no permission: a process file that refuses stands in for it */
	ok(manifest_read("/proc/self/mem", &m, &e) == -EIO && m.count == 1 &&
		   !strcmp(e.text, "/proc/self/mem: cannot read: Input/output error"),
	   "unreadable file");
	ok(manifest_read("/dev/zero", &m, &e) == -EFBIG && strstr(e.text, "larger than 64 MB"),
	   "file without an end");
	manifest_free(&m);
	if (fchdir(home))
		abort();
	close(home);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ok(!system(command), "cleaned up");
}

int main(void)
{
	test_hostile();
	test_nul();
	test_bytes();
	test_reading();
	return tap_done();
}

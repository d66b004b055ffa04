// SPDX-License-Identifier: GPL-2.0-only
/* JSON to YAML as kubectl prints it, and what plain scalars mean. */
#include "tests/fuzz/manifest_round.h"
#include "tests/lib/tap.h"

/* Strings that a YAML reader could take for something else, and how kubectl writes them. */
static void test_yaml_strings(void)
{
	static const struct {
		const char *string, *yaml;
	} cases[] = {
		{ "plain text", "plain text" },
		{ "10.0.0.0/16", "10.0.0.0/16" },
		{ "fd00::/64", "fd00::/64" },
		{ "::1", "::1" },
		{ "-foo", "-foo" },
		{ "it's", "it's" },
		{ "a,b", "a,b" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "true", "\"true\"" },
		{ "y", "\"y\"" },
		{ "off", "\"off\"" },
		{ "null", "\"null\"" },
		{ "~", "\"~\"" },
		{ "", "\"\"" },
		{ "12", "\"12\"" },
		{ "1_000", "\"1_000\"" },
		{ "0x1F", "\"0x1F\"" },
		{ "0o17", "\"0o17\"" },
		{ "08", "\"08\"" },
		{ "1.5", "\"1.5\"" },
		{ ".5", "\".5\"" },
		{ "1e3", "\"1e3\"" },
		{ ".inf", "\".inf\"" },
		{ "1:30", "\"1:30\"" },
		{ "2025-08-02T14:48:26Z", "\"2025-08-02T14:48:26Z\"" },
		{ "=", "\"=\"" },
		{ "<<", "\"<<\"" },
		{ "- x", "'- x'" },
		{ "-", "'-'" },
		{ "---", "'---'" },
		{ "...", "'...'" },
		{ "? x", "'? x'" },
		{ ": x", "': x'" },
		{ "a: b", "'a: b'" },
		{ "a:", "'a:'" },
		{ "a #b", "'a #b'" },
		{ "#a", "'#a'" },
		{ "*a", "'*a'" },
		{ "&a", "'&a'" },
		{ "!a", "'!a'" },
		{ "@a", "'@a'" },
		{ "`a", "'`a'" },
		{ "%a", "'%a'" },
		{ "{a", "'{a'" },
		{ "[a", "'[a'" },
		{ "|", "'|'" },
		{ ">", "'>'" },
		{ "'a'", "'''a'''" },
		{ "\"a\"", "'\"a\"'" },
		{ " a", "' a'" },
		{ "a ", "'a '" },
		{ "a\tb", "\"a\\tb\"" },
		{ "\x01", "\"\\x01\"" },
		{ "\x7f", "\"\\x7F\"" },
		{ "\xe2\x80\xa8", "\"\\L\"" },
		{ "\xef\xbb\xbf", "\"\\uFEFF\"" },
		{ "\r\n", "\"\\r\\n\"" },
		{ "a\n \nb", "\"a\\n \\nb\"" },
		{ " a\nb", "\" a\\nb\"" },
		{ "a\nb\n", "|\n  a\n  b" },
		{ "a\nb", "|-\n  a\n  b" },
		{ "a\n\n", "\"a\\n\\n\"" },
		{ "a\n\n  b\nc", "|-\n  a\n\n    b\n  c" },
		{ "a: b\n- c\n", "|\n  a: b\n  - c" },
		{ "\n", "\"\\n\"" },
		{ "2025-08-02 x\ny", "|-\n  2025-08-02 x\n  y" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *json = json_pack("{s:s}", "k", cases[i].string);
		char *yaml = json_to_yaml(json), wanted[128];

		snprintf(wanted, sizeof(wanted), "k: %s\n", cases[i].yaml);
		ok(!strcmp(yaml, wanted) && yaml_round_trips(json), "string %zu in YAML: %.*s", i,
		   (int)strcspn(cases[i].yaml, "\n"), cases[i].yaml);
		if (strcmp(yaml, wanted))
			printf("# %s", yaml);
		free(yaml);
		json_decref(json);
	}
}

static void test_yaml_shapes(void)
{
	static const char text[] =
		"{\"a\":{\"b\":[1,[2,[3]],{\"c\":null,\"d\":[{\"e\":true,\"f\":1.5}]},[],{}],"
		"\"g\":\"x\\ny\"},\"on\":[\"p\\nq\\n\"],\"h\":{}}";
	static const char wanted[] =
		"a:\n"
		"  b:\n"
		"  - 1\n"
		"  - - 2\n"
		"    - - 3\n"
		"  - c: null\n"
		"    d:\n"
		"    - e: true\n"
		"      f: 1.5\n"
		"  - []\n"
		"  - {}\n"
		"  g: |-\n"
		"    x\n"
		"    y\n"
		"\"on\":\n"
		"- |\n"
		"  p\n"
		"  q\n"
		"h: {}\n";
	json_t *json = json_loads(text, 0, NULL), *bare = json_string("a\nb\n");
	char *yaml = json_to_yaml(json);

	ok(!strcmp(yaml, wanted), "maps and lists as kubectl prints them");
	if (strcmp(yaml, wanted))
		printf("# %s\n", yaml);
	ok(yaml_round_trips(json), "and back");
	ok(yaml_round_trips(bare), "a string alone");
	free(yaml);
	json_decref(bare);
	json_decref(json);
}

static void test_scalars(void)
{
	static const struct {
		const char *text;
		enum scalar_kind kind;
		long long value;
	} cases[] = {
		{ "0", SCALAR_INT, 0 },
		{ "-12", SCALAR_INT, -12 },
		{ "+7", SCALAR_INT, 7 },
		{ "0x1f", SCALAR_INT, 31 },
		{ "017", SCALAR_INT, 15 },
		{ "0o17", SCALAR_INT, 15 },
		{ "-0b11", SCALAR_INT, -3 },
		{ "1_0", SCALAR_INT, 10 },
		{ "9223372036854775807", SCALAR_INT, 9223372036854775807ll },
		{ "9223372036854775808", SCALAR_FLOAT, 0 },
		{ "08", SCALAR_FLOAT, 0 },
		{ "1.", SCALAR_FLOAT, 0 },
		{ ".5e-3", SCALAR_FLOAT, 0 },
		{ "-.INF", SCALAR_FLOAT, 0 },
		{ ".nan", SCALAR_FLOAT, 0 },
		{ "0b12", SCALAR_STRING, 0 },
		{ "0x", SCALAR_STRING, 0 },
		{ "1e", SCALAR_STRING, 0 },
		{ "+", SCALAR_STRING, 0 },
		{ ".", SCALAR_STRING, 0 },
		{ "_1", SCALAR_STRING, 0 },
		{ "1:30", SCALAR_STRING, 0 },
		{ "tRUE", SCALAR_STRING, 0 },
		{ "True", SCALAR_BOOL, 0 },
		{ "N", SCALAR_BOOL, 0 },
		{ "~", SCALAR_NULL, 0 },
		{ "NULL", SCALAR_NULL, 0 },
		{ "+-1", SCALAR_STRING, 0 },
		{ "0x-1", SCALAR_STRING, 0 },
		{ "10.0.0.0", SCALAR_STRING, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		long long n = 0;
		bool number = !scalar_int(cases[i].text, &n);

		ok(scalar_kind(cases[i].text) == cases[i].kind &&
			   number == (cases[i].kind == SCALAR_INT) && n == cases[i].value,
		   "plain %s is of kind %d", cases[i].text, cases[i].kind);
	}
}

int main(void)
{
	test_yaml_strings();
	test_yaml_shapes();
	test_scalars();
	return tap_done();
}

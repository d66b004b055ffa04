// SPDX-License-Identifier: GPL-2.0-only
/* The blocks that a CiliumNode lists, and changed copies. */
#include <stdlib.h>
#include <string.h>

#include "loader/kube/allocated.h"
#include "tests/lib/tap.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) < 0)
		abort();
	return p;
}

static const char *const before =
	"{\"spec\":{\"ipam\":{\"pools\":{\"allocated\":["
	"{\"pool\":\"default\",\"allowFirstIP\":true,\"cidrs\":[\"10.10.0.0/27\",\"10.10.0.32/27\",\"nonsense\",7]},"
	"{\"pool\":\"mars\",\"cidrs\":[\"10.20.0.0/27\"]}]}}}}";

/* The list after a change, as compact JSON. */
static void is(json_t *node, const char *expected, const char *title)
{
	char *text = json_dumps(json_object_get(ciliumnode_pools(node), "allocated"), JSON_COMPACT);

	ok(text && !strcmp(text, expected), "%s", title);
	if (text && strcmp(text, expected))
		printf("# %s\n", text);
	free(text);
	json_decref(node);
}

static json_t *node_of(const char *text)
{
	json_t *node = json_loads(text, 0, NULL);

	if (!node)
		abort();
	return node;
}

static void test_lists(void)
{
	json_t *node = node_of(before);
	struct prefix p = prefix("10.10.0.32/27"), other = prefix("10.10.0.64/27"), wider = prefix("10.10.0.0/26");

	ok(allocated_has(node, &p), "a block that is listed");
	ok(!allocated_has(node, &other) && !allocated_has(node, &wider), "blocks that are not, also a wider one");
	allocated_remove(node, &p);
	is(node,
	   "[{\"pool\":\"default\",\"allowFirstIP\":true,\"cidrs\":[\"10.10.0.0/27\",\"nonsense\",7]},"
	   "{\"pool\":\"mars\",\"cidrs\":[\"10.20.0.0/27\"]}]",
	   "one block removed; the rest of its entry stays");
	node = node_of(before);
	p = prefix("10.20.0.0/27");
	allocated_remove(node, &p);
	is(node,
	   "[{\"pool\":\"default\",\"allowFirstIP\":true,\"cidrs\":[\"10.10.0.0/27\",\"10.10.0.32/27\",\"nonsense\",7]}]",
	   "an entry goes with its last block");
	node = node_of(before);
	allocated_add(node, "mars", &other);
	is(node,
	   "[{\"pool\":\"default\",\"allowFirstIP\":true,\"cidrs\":[\"10.10.0.0/27\",\"10.10.0.32/27\",\"nonsense\",7]},"
	   "{\"pool\":\"mars\",\"cidrs\":[\"10.20.0.0/27\",\"10.10.0.64/27\"]}]",
	   "a block added to its pool's entry");
	node = node_of("{\"spec\":7}");
	allocated_add(node, "mars", &p);
	is(node, "[{\"pool\":\"mars\",\"cidrs\":[\"10.20.0.0/27\"]}]", "a block added where there was no list, or a wrong one");
}

static void test_wrong(void)
{
	static const char *const wrong[] = {
		"{}", "{\"spec\":[]}", "{\"spec\":{\"ipam\":{\"pools\":{\"allocated\":{}}}}}",
		"{\"spec\":{\"ipam\":{\"pools\":{\"allocated\":[7,{\"pool\":7,\"cidrs\":[\"10.0.0.0/8\"]},{\"pool\":\"x\"}]}}}}",
	};
	struct prefix p = prefix("10.0.0.0/8");

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		json_t *node = node_of(wrong[i]);

		ok(!allocated_has(node, &p), "no blocks in %s", wrong[i]);
		allocated_remove(node, &p);
		json_decref(node);
	}
}

static void test_sets(void)
{
	struct prefix *list = NULL, a = prefix("10.0.0.0/27"), b = prefix("10.0.0.32/27");
	size_t count = 0;

	prefixes_add(&list, &count, &a);
	prefixes_add(&list, &count, &b);
	prefixes_add(&list, &count, &a);
	ok(count == 2 && prefixes_have(list, count, &a) && prefixes_have(list, count, &b), "each prefix once");
	prefixes_remove(list, &count, &a);
	prefixes_remove(list, &count, &a);
	ok(count == 1 && !prefixes_have(list, count, &a) && prefixes_have(list, count, &b), "one removed");
	free(list);
}

int main(void)
{
	test_lists();
	test_wrong();
	test_sets();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* The operator's rules: kube_operator.cases in a small model of an API server; and what an event costs. */
#include <string.h>
#include <time.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_cluster.h"
#include "loader/text/text.h"
#include "tests/lib/tap.h"

#define CASES "tests/unit/kube_operator.cases"
#define WORDS 12

struct world {
	struct cluster cluster;
	json_t *pools, *nodes; /* name to object: the API server */
	json_t *pods;          /* node to addresses */
	bool running;
	unsigned int version, writes;
	char *reports;
};

static void reported(void *arg, const char *kind, const char *name, const char *uid,
		     const char *reason)
{
	(void)arg, (void)kind, (void)name, (void)uid, (void)reason;
}

static void stamp(struct world *w, json_t *object)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", ++w->version);
	json_object_set_new(json_get(object, "metadata"), "resourceVersion", json_string(text));
}

/* What the writer does: allocated first, then the status, until there is nothing to do. */
static void settle(struct world *w)
{
	struct cluster_node *node;
	struct error e;

	while (w->running && (node = cluster_next(&w->cluster))) {
		json_t *object = json_object_get(w->nodes, node->name);
		json_t *allocated = cluster_decide(&w->cluster, node, &e);

		if (allocated)
			json_object_set_new(json_get_path(object, "spec.ipam.pools"), "allocated", allocated);
		else if (!node->ignored && strcmp(node->status_error ?: "", e.text))
			json_object_set_new(json_get_path(object, "status.ipam.operator-status"), "error",
					    json_string(e.text));
		else
			continue;
		if (++w->writes > 100000)
			abort(); /* never done */
		stamp(w, object);
		cluster_set_node(&w->cluster, object);
	}
}

static void ask_pods(void *arg, struct cluster_node *node)
{
	const struct world *w = arg;
	const json_t *text;
	size_t i;

	json_array_foreach(json_object_get(w->pods, node->name), i, text) {
		struct addr addr;

		if (!addr_parse(json_string_value(text), &addr))
			cluster_pod(node, &addr);
	}
}

static void start(struct world *w)
{
	const char *name;
	json_t *object;

	cluster_init(&w->cluster, reported, w);
	json_object_foreach(w->nodes, name, object)
		cluster_set_node(&w->cluster, object);
	json_object_foreach(w->pools, name, object)
		cluster_set_pool(&w->cluster, object);
	cluster_conflicts(&w->cluster, ask_pods, w);
	cluster_synced(&w->cluster);
	w->running = true;
}

static void stop(struct world *w)
{
	if (w->running)
		cluster_free(&w->cluster);
	w->running = false;
}

static json_t *family_json(const char *cidrs, const char *mask)
{
	json_t *list = json_array();
	char text[256], *rest = NULL;

	snprintf(text, sizeof(text), "%s", cidrs);
	for (char *cidr = strtok_r(text, ",", &rest); cidr; cidr = strtok_r(NULL, ",", &rest))
		json_array_append_new(list, json_string(cidr));
	return json_pack("{s:o, s:i}", "cidrs", list, "maskSize", atoi(mask));
}

static void do_pool(struct world *w, char **word, int words)
{
	json_t *spec = json_object(), *pool;
	int at = 2;

	for (int family = 0; family < FAMILIES && at + 1 < words && strchr("0123456789f", word[at + 1][0]) &&
	     strcmp(word[at], "first"); family++, at += 2)
		if (strcmp(word[at], "0"))
			json_object_set_new(spec, family_name(family), family_json(word[at], word[at + 1]));
	for (; at < words; at++)
		json_object_set_new(spec, !strcmp(word[at], "first") ? "allowFirstIP" : "allowLastIP",
				    json_true());
	pool = json_pack("{s:{s:s}, s:o}", "metadata", "name", word[1], "spec", spec);
	stamp(w, pool);
	json_object_set_new(w->pools, word[1], pool);
	if (w->running)
		cluster_set_pool(&w->cluster, pool);
}

static json_t *node_object(struct world *w, const char *name)
{
	json_t *node = json_object_get(w->nodes, name);
	char created[32];

	if (node)
		return node;
	snprintf(created, sizeof(created), "2026-11-28T00:%02zu:00Z", json_object_size(w->nodes));
	node = json_pack("{s:{s:s, s:s, s:{}}, s:{s:{s:{s:[], s:[]}}}, s:{s:{s:{}}}}", "metadata", "name",
			 name, "creationTimestamp", created, "annotations", "spec", "ipam", "pools",
			 "requested", "allocated", "status", "ipam", "operator-status");
	json_object_set_new(w->nodes, name, node);
	return node;
}

/* Puts the entry of a pool into a list of spec.ipam.pools in the place of the old one; NULL: takes it out. */
static void set_entry(json_t *list, const char *pool, json_t *entry)
{
	size_t i = 0;

	while (i < json_array_size(list) &&
	       strcmp(json_string_value(json_get(json_array_get(list, i), "pool")), pool))
		i++;
	if (i < json_array_size(list))
		json_array_remove(list, i);
	if (entry)
		json_array_append_new(list, entry);
}

static void do_node(struct world *w, char **word, int words)
{
	json_t *node = node_object(w, word[1]), *pools = json_get_path(node, "spec.ipam.pools");
	json_t *cidrs;

	if (!strcmp(word[0], "need")) {
		set_entry(json_get(pools, "requested"), word[2],
			  json_pack("{s:s, s:{s:i, s:i}}", "pool", word[2], "needed", "ipv4-addrs",
				    atoi(word[3]), "ipv6-addrs", words > 4 ? atoi(word[4]) : 0));
	} else if (!strcmp(word[0], "list")) {
		cidrs = json_array();
		for (int i = 3; i < words; i++)
			json_array_append_new(cidrs, json_string(word[i]));
		set_entry(json_get(pools, "allocated"), word[2],
			  words > 3 ? json_pack("{s:s, s:o}", "pool", word[2], "cidrs", cidrs) : NULL);
		if (words <= 3)
			json_decref(cidrs);
	} else {
		json_object_set_new(json_get_path(node, "metadata.annotations"), "ipam.cilium.io/ignore",
				    json_string("true"));
	}
	stamp(w, node);
	if (w->running)
		cluster_set_node(&w->cluster, node);
}

static void do_line(struct world *w, char **word, int words)
{
	if (!strcmp(word[0], "pool")) {
		do_pool(w, word, words);
	} else if (!strcmp(word[0], "nopool") || !strcmp(word[0], "drop")) {
		bool pool = !strcmp(word[0], "nopool");

		json_object_del(pool ? w->pools : w->nodes, word[1]);
		if (w->running)
			(pool ? cluster_remove_pool : cluster_remove_node)(&w->cluster, word[1]);
	} else if (!strcmp(word[0], "stop")) {
		stop(w);
	} else if (!strcmp(word[0], "start")) {
		start(w);
	} else if (!strcmp(word[0], "pod")) {
		if (!json_object_get(w->pods, word[1]))
			json_object_set_new(w->pods, word[1], json_array());
		json_array_append_new(json_object_get(w->pods, word[1]), json_string(word[2]));
	} else {
		do_node(w, word, words);
	}
	settle(w);
}

/* "default 10.10.0.0/27; mars 10.20.0.0/27" */
static char *allocated_text(const struct world *w, const char *name)
{
	const json_t *node = json_object_get(w->nodes, name), *entry, *cidr;
	char *text = NULL;
	size_t size, i, k;
	FILE *out = open_memstream(&text, &size);

	json_array_foreach(json_get_path(node, "spec.ipam.pools.allocated"), i, entry) {
		fprintf(out, "%s%s", i ? "; " : "", json_string_value(json_get(entry, "pool")));
		json_array_foreach(json_get(entry, "cidrs"), k, cidr)
			fprintf(out, " %s", json_string_value(cidr));
	}
	fclose(out);
	return text;
}

static bool expect(const struct world *w, const char *title, unsigned int line, char *text)
{
	bool error = text[0] == '!';
	char *name = strtok(text + 1, " "), *rest = strtok(NULL, "") ?: "";
	const json_t *status = json_get_path(json_object_get(w->nodes, name), "status.ipam.operator-status");
	char *got = error ? xstrdup(json_string_value(json_get(status, "error")) ?: "")
			  : allocated_text(w, name);
	bool good = error && *rest ? !!strstr(got, rest) : !strcmp(got, rest);

	if (!ok(good, "%s: line %u: %s %s", title, line, name, rest))
		printf("# got: %s\n", got);
	free(got);
	return good;
}

static struct world world_new(void)
{
	return (struct world){ .pools = json_object(), .nodes = json_object(), .pods = json_object() };
}

static void world_free(struct world *w)
{
	stop(w);
	json_decref(w->pools);
	json_decref(w->nodes);
	json_decref(w->pods);
}

static void play(struct world *w, const char *title, unsigned int line, char *text)
{
	char *word[WORDS], *rest = NULL;
	int words = 0;

	if (strchr("=!", text[0])) {
		expect(w, title, line, text);
		return;
	}
	for (char *next = strtok_r(text, " ", &rest); next && words < WORDS;
	     next = strtok_r(NULL, " ", &rest))
		word[words++] = next;
	do_line(w, word, words);
}

static void test_cases(void)
{
	FILE *in = fopen(CASES, "r");
	char text[512], title[512] = "";
	struct world w = world_new();
	unsigned int line = 0, cases = 0;

	while (in && fgets(text, sizeof(text), in)) {
		line++;
		text[strcspn(text, "\n")] = 0;
		if (text[0] == '#') {
			snprintf(title, sizeof(title), "%s", text + 2);
			world_free(&w);
			w = world_new();
			start(&w);
			cases++;
		} else if (text[0]) {
			play(&w, title, line, text);
		}
	}
	world_free(&w);
	ok(in && cases > 50, "%u cases", cases);
	if (in)
		fclose(in);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

#define MANY 5000

/* Many nodes get their blocks; then what one event costs among them, also when the pool is empty. */
static void test_cost(void)
{
	struct world w = world_new();
	double begin = seconds(), all, one;
	char name[32];

	start(&w);
	do_line(&w, (char *[]){ "pool", "default", "10.0.0.0/9", "24" }, 4);
	do_line(&w, (char *[]){ "pool", "tight", "10.128.0.0/16", "28" }, 4);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "node-%d", i);
		do_line(&w, (char *[]){ "need", name, "default", "1000" }, 4);
		do_line(&w, (char *[]){ "need", name, "tight", "14" }, 4);
	}
	all = seconds() - begin;
	ok(w.cluster.held_count == MANY * 4 + 4096, "%d nodes have 4 blocks each, and all of another pool",
	   MANY);
	ok(all < 15 * tap_slow(), "in %.2f s, under the sanitizers", all);
	begin = seconds();
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "node-%d", MANY - 1 - i % 500);
		do_line(&w, (char *[]){ "need", name, "tight", i % 2 ? "14" : "15" }, 4);
	}
	one = seconds() - begin;
	ok(one < 2 * tap_slow(), "1000 changes of demand of an empty pool in %.3f s", one);
	world_free(&w);
}

/* A claim or a pool that is not what the schema says: nothing breaks, nothing is given twice. */
static void test_malformed(void)
{
	static const char *const nodes[] = {
		"{}", "[]", "{\"metadata\":7}", "{\"metadata\":{\"name\":7}}",
		"{\"metadata\":{\"name\":\"a\"},\"spec\":[]}",
		"{\"metadata\":{\"name\":\"a\"},"
		"\"spec\":{\"ipam\":{\"pools\":{\"allocated\":{},\"requested\":\"x\"}}}}",
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ipam\":{\"pools\":{\"allocated\":[7,{\"pool\":7},"
		"{\"pool\":\"q\",\"cidrs\":[7,null,\"x\",\"1.2.3.4\",\"10.0.0.1/8\"]}],\"requested\":[null,"
		"{\"pool\":\"p\",\"needed\":{\"ipv4-addrs\":\"7\"}},{\"pool\":\"p\",\"needed\":7},"
		"{\"pool\":\"p\",\"needed\":{\"ipv4-addrs\":-7}}]}}}}",
	};
	static const char *const pools[] = {
		"{}", "7", "{\"metadata\":{\"name\":\"p\"}}", "{\"metadata\":{\"name\":\"p\"},\"spec\":7}",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"ipv4\":7}}",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"ipv4\":{\"cidrs\":{},\"maskSize\":\"24\"}}}",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"ipv4\":{\"cidrs\":[7],\"maskSize\":24}}}",
	};
	struct world w = world_new();
	struct cluster_node *node;
	struct error e = {};
	json_t *allocated;

	start(&w);
	for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
		json_t *json = json_loads(pools[i], JSON_DECODE_ANY, NULL);

		cluster_set_pool(&w.cluster, json);
		json_decref(json);
	}
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		json_t *json = json_loads(nodes[i], JSON_DECODE_ANY, NULL);

		cluster_set_node(&w.cluster, json);
		json_decref(json);
	}
	node = cluster_next(&w.cluster);
	ok(node && !cluster_next(&w.cluster), "one of the malformed nodes has a name");
	allocated = cluster_decide(&w.cluster, node, &e);
	ok(json_array_size(allocated) == 1 &&
		   json_array_size(json_get(json_array_get(allocated, 0), "cidrs")) == 1 &&
		   strstr(e.text, "requested[0]: invalid pool (none)"),
	   "what can be read of it stays; the first malformed part is reported");
	json_decref(allocated);
	world_free(&w);
}

/* Names of any length and script: the error stays text, so that it can be written and compared. */
static void test_long_names(void)
{
	struct world w = world_new();
	char name[5][253];

	start(&w);
	do_line(&w, (char *[]){ "pool", "default", "10.10.0.0/16", "27" }, 4);
	for (int i = 0; i < 5; i++) {
		for (size_t k = 0; k + 3 < sizeof(name[i]); k += 2)
			strcpy(name[i] + k, "\u00fc");
		name[i][251] = (char)('a' + i);
		name[i][252] = 0;
		do_line(&w, (char *[]){ "need", "w1", name[i], "1" }, 4);
	}
	ok(w.writes < 10, "an error of long names is written once: %u writes", w.writes);
	world_free(&w);
}

/* The object changed while it was written: the block that was chosen for it is not lost, nor another's. */
static void test_conflict(void)
{
	struct world w = world_new();
	struct cluster_node *node;
	json_t *first, *second;
	struct error e;

	start(&w);
	do_line(&w, (char *[]){ "pool", "default", "10.10.0.0/16", "27" }, 4);
	do_node(&w, (char *[]){ "need", "w1", "default", "8" }, 4);
	node = cluster_next(&w.cluster);
	first = cluster_decide(&w.cluster, node, &e);
	do_node(&w, (char *[]){ "need", "w1", "default", "31" }, 4);
	second = cluster_decide(&w.cluster, cluster_next(&w.cluster), &e);
	ok(json_array_size(json_get(json_array_get(first, 0), "cidrs")) == 1 &&
		   json_array_size(json_get(json_array_get(second, 0), "cidrs")) == 2 && w.cluster.held_count == 2 &&
		   json_equal(json_array_get(json_get(json_array_get(first, 0), "cidrs"), 0),
			      json_array_get(json_get(json_array_get(second, 0), "cidrs"), 0)),
	   "a conflict: the block that was chosen is given by the next write");
	json_decref(first);
	json_decref(second);
	world_free(&w);
}

int main(void)
{
	test_cases();
	test_conflict();
	test_long_names();
	test_malformed();
	test_cost();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* A watch against scripted servers: what it asks for, how long it waits, and what its user is told. */
#include "loader/kube/lines.h"
#include "loader/kube/watch.h"
#include "tests/lib/fake_api.h"
#include "tests/lib/tap.h"

static char got[4096];

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	size_t n = strlen(got);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(got + n, sizeof(got) - n, fmt, ap);
	va_end(ap);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(object, "metadata"), key));

	return text ? text : "";
}

static void on_set(void *arg, json_t *object)
{
	(void)arg;
	note("+%s/%s ", text_of(object, "namespace"), text_of(object, "name"));
}

static void on_gone(void *arg, const char *namespace, const char *name)
{
	(void)arg;
	note("-%s/%s ", namespace, name);
}

static void on_synced(void *arg)
{
	(void)arg;
	note("synced ");
}

/* The value of a parameter of the request, or "". */
static const char *parameter(const char *path, const char *key)
{
	static char value[4][64];
	static unsigned int turn;
	const char *at = path + strcspn(path, "?&");
	size_t n = strlen(key);

	turn = (turn + 1) % 4;
	*value[turn] = 0;
	for (; *at; at += 1 + strcspn(at + 1, "&"))
		if (!strncmp(at + 1, key, n) && at[1 + n] == '=')
			snprintf(value[turn], sizeof(value[turn]), "%.*s", (int)strcspn(at + n + 2, "&"), at + n + 2);
	return value[turn];
}

static void on_call(const struct call *call)
{
	const char *version = parameter(call->path, "resourceVersion"), *more = parameter(call->path, "continue");
	int seconds = atoi(parameter(call->path, "timeoutSeconds"));

	if (!call->line)
		note("<list %s%s%s> ", parameter(call->path, "limit"), *more ? " " : "", more);
	else if (*parameter(call->path, "sendInitialEvents"))
		note("<sync> ");
	else
		note("<watch %s> ", version);
	if (call->line && (seconds < 300 || seconds > 600 || !*parameter(call->path, "allowWatchBookmarks")))
		note("BAD %s ", call->path);
}

static json_t *object(const char *name, const char *version)
{
	const char *slash = strchr(name, '/');
	json_t *metadata = json_pack("{s:s, s:s}", "name", slash ? slash + 1 : name, "resourceVersion", version);

	if (slash)
		json_object_set_new(metadata, "namespace", json_stringn(name, (size_t)(slash - name)));
	return json_pack("{s:o}", "metadata", metadata);
}

static void send_line(const char *line)
{
	if (fake_call && fake_call->line)
		fake_call->line(fake_call->arg, line, line ? strlen(line) : 0);
	else
		note("DEAF ");
}

static void send_event(const char *type, json_t *object)
{
	json_t *event = json_pack("{s:s, s:o}", "type", type, "object", object);
	char *line = json_dumps(event, JSON_COMPACT);

	send_line(line);
	free(line);
	json_decref(event);
}

/* "VERSION NAME... [>CONTINUE]" as a page */
static void send_page(char *words)
{
	char *version = strtok(words, " "), *word;
	json_t *items = json_array(), *metadata = json_pack("{s:s}", "resourceVersion", version);
	struct answer a = { .status = 200 };

	while ((word = strtok(NULL, " "))) {
		if (*word == '>')
			json_object_set_new(metadata, "continue", json_string(word + 1));
		else
			json_array_append_new(items, object(word, "1"));
	}
	a.body = json_pack("{s:s, s:o, s:o}", "kind", "NodeList", "metadata", metadata, "items", items);
	fake_end(&a);
	json_decref(a.body);
}

static void send_bookmark(char *words)
{
	char *version = strtok(words, " "), *word = strtok(NULL, " ");
	json_t *bookmark = object("", version);

	if (word)
		json_object_set_new(json_object_get(bookmark, "metadata"), "annotations",
				    json_pack("{s:s}", "k8s.io/initial-events-end", word));
	send_event("BOOKMARK", bookmark);
}

/* "MINIMUM MAXIMUM": the milliseconds that the watch waits */
static void wait_for(char *words)
{
	unsigned long least = strtoul(words, &words, 10), most = strtoul(words, NULL, 10);

	if (!fake_timer || fake_call || fake_wait < least || fake_wait > most)
		note("WAITS %llu ", fake_timer ? (unsigned long long)fake_wait : 0);
	if (fake_timer)
		fake_fire();
}

static void step(char *line)
{
	char *words = strchrnul(line, ' '), name[64] = "", version[32] = "";
	struct answer a = {};

	if (*words)
		*words++ = 0;
	if (!strcmp(line, "accept")) {
		send_line(NULL);
	} else if (!strcmp(line, "raw")) {
		send_line(words);
	} else if (!strcmp(line, "bookmark")) {
		send_bookmark(words);
	} else if (!strcmp(line, "page")) {
		send_page(words);
	} else if (!strcmp(line, "wait")) {
		wait_for(words);
	} else if (!strcmp(line, "pass")) {
		fake_now += strtoul(words, NULL, 10);
	} else if (!strcmp(line, "large")) {
		a.too_large = true;
		fake_end(&a);
	} else if (!strcmp(line, "error")) {
		send_event("ERROR", json_pack("{s:i, s:s}", "code", atoi(words), "message", "sorry"));
	} else if (!strcmp(line, "end")) {
		a.status = (int)strtoul(words, &words, 10);
		a.retry_after = (unsigned int)strtoul(words, NULL, 10);
		fake_end(&a);
	} else if (sscanf(words, "%63s %31s", name, version) == 2) {
		send_event(line, object(name, version));
	} else {
		abort();
	}
}

#define SYNC "accept|ADDED a 5|ADDED b 3|bookmark 7 true|"
#define SYNCED "<sync> +/a +/b synced "

static const struct {
	const char *name, *script, *log;
} cases[] = {
	{ "initial events, then changes", SYNC "ADDED c 8|MODIFIED a 9|DELETED b 10|end 200|wait 125 250",
	  SYNCED "+/c +/a -/b <watch 10> " },
	{ "a bookmark moves the version", SYNC "bookmark 70|end 0|wait 125 250", SYNCED "<watch 70> " },
	{ "a bookmark within the initial events does not", "accept|ADDED a 5|bookmark 6|end 0|wait 125 250",
	  "<sync> +/a <sync> " },
	{ "an end that is not true is not the end", "accept|bookmark 6 false|end 0|wait 125 250", "<sync> <sync> " },
	{ "a second end changes nothing", SYNC "bookmark 9 true|end 0|wait 125 250", SYNCED "<watch 9> " },
	{ "cut within the initial events", "accept|ADDED a 5|end 0|wait 125 250|" SYNC, "<sync> +/a " SYNCED },
	{ "deleted while not connected", SYNC "error 410|wait 125 250|accept|ADDED b 3|bookmark 9 true",
	  SYNCED "<sync> +/b -/a synced " },
	{ "made again while not connected", SYNC "error 410|wait 125 250|accept|ADDED a 8|ADDED b 3|bookmark 9 true",
	  SYNCED SYNCED },
	{ "status 410", SYNC "end 0|wait 125 250|end 410|wait 125 500|" SYNC, SYNCED "<watch 7> " SYNCED },
	{ "ERROR 410, then no more of this connection", SYNC "error 410|ADDED z 9", SYNCED "DEAF " },
	{ "ERROR 500: on from the last version", SYNC "ADDED c 8|error 500|wait 125 250", SYNCED "+/c <watch 8> " },
	{ "one name in two namespaces", "accept|ADDED x/a 1|ADDED y/a 2|bookmark 3 true|DELETED x/a 4|error 410|"
	  "wait 125 250|accept|bookmark 5 true", "<sync> +x/a +y/a synced -x/a <sync> -y/a synced " },
	{ "DELETED of an unknown object", SYNC "DELETED c 8", SYNCED },
	{ "bad JSON: on from the last good version", SYNC "ADDED c 8|raw {\"type\":|wait 125 250", SYNCED "+/c <watch 8> " },
	{ "JSON that is not an event", SYNC "raw [1]|wait 125 250|accept|raw {\"type\":\"ADDED\"}|wait 250 500|accept|"
	  "raw {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"q\"}}}|wait 500 1000",
	  SYNCED "<watch 7> <watch 7> <watch 7> " },
	{ "bad JSON again and again: later and later, and nothing is left out",
	  SYNC "raw {|wait 125 250|accept|raw {|wait 250 500|accept|raw {|wait 500 1000|accept|ADDED c 8|raw {|wait 125 250",
	  SYNCED "<watch 7> <watch 7> <watch 7> +/c <watch 8> " },
	{ "bad JSON within the initial events", SYNC "error 410|wait 125 250|accept|ADDED b 3|raw {|wait 250 500|accept|bookmark 9 true",
	  SYNCED "<sync> +/b <sync> -/a -/b synced " },
	{ "an integer beyond 64 bits, NUL in a string",
	  SYNC "raw {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"8\"},"
	  "\"x\":18446744073709551616,\"y\":\"a\\u0000b\"}}", SYNCED "+/c " },
	{ "delays double up to 30 s", "end 0|wait 125 250|end 0|wait 250 500|end 0|wait 500 1000|end 0|wait 1000 2000|"
	  "end 0|wait 2000 4000|end 0|wait 4000 8000|end 0|wait 8000 16000|end 0|wait 15000 30000|end 0|wait 15000 30000|"
	  SYNC "end 0|wait 125 250", "<sync> <sync> <sync> <sync> <sync> <sync> <sync> <sync> <sync> " SYNCED "<watch 7> " },
	{ "a server that answers again is asked again soon", "end 0|wait 125 250|end 0|wait 250 500|end 404|wait 125 250|end 404|"
	  "wait 250 500|end 0|wait 500 1000", "<sync> <sync> <sync> <sync> <sync> <sync> " },
	{ "events of a list that never ends do not reset them", "accept|ADDED a 1|end 0|wait 125 250|accept|ADDED a 1|end 0|"
	  "wait 250 500|accept|ADDED a 1|end 0|wait 500 1000", "<sync> +/a <sync> +/a <sync> +/a <sync> " },
	{ "a quiet connection of half a minute does", "end 0|wait 125 250|" SYNC "end 200|wait 125 250|end 0|wait 250 500|"
	  "accept|pass 30000|end 200|wait 125 250", "<sync> " SYNCED "<watch 7> <watch 7> <watch 7> " },
	{ "429 and 503: Retry-After, at most 30 s", "end 429 7|wait 7125 7250|end 503 1|wait 1250 1500|end 503 99|wait 30500 31000",
	  "<sync> <sync> <sync> <sync> " },
	{ "401, and then again", "end 401|wait 125 250|" SYNC, "<sync> " SYNCED },
	{ "400: pages", "end 400|page 40 a >t1|page 40 b >t/2|page 40 c|accept|ADDED d 41|end 0|wait 125 250",
	  "<sync> <list 200> +/a <list 200 t1> +/b <list 200 t/2> +/c synced <watch 40> +/d <watch 41> " },
	{ "422, and a 410 later: pages again, and what vanished", "end 422|page 40 a b|end 410|wait 125 250|page 50 b",
	  "<sync> <list 200> +/a +/b synced <watch 40> <list 200> +/b -/a synced <watch 50> " },
	{ "400 of a watch from a version is no answer to a list", SYNC "end 200|wait 125 250|end 400|wait 250 500",
	  SYNCED "<watch 7> <watch 7> " },
	{ "a page fails, and comes", "end 400|page 40 a >t|end 500|wait 125 250|page 40 b",
	  "<sync> <list 200> +/a <list 200 t> <list 200 t> +/b synced <watch 40> " },
	{ "the list's version is too old for its next page", "end 400|page 40 a >t|end 410|wait 125 250|page 44 b",
	  "<sync> <list 200> +/a <list 200 t> <list 200> +/b -/a synced <watch 44> " },
	{ "pages that are too large", "end 400|large|large|page 40 a", "<sync> <list 200> <list 51> <list 13> +/a synced <watch 40> " },
	{ "a page that is not a list", "end 400|end 200|wait 125 250", "<sync> <list 200> <list 200> " },
};

static void run_case(const char *name, const char *script, const char *log)
{
	static const struct watch_spec spec = { .path = "/x", .set = on_set, .gone = on_gone, .synced = on_synced };
	char *copy = xstrdup(script), *next, *line = copy;
	struct watch *w;

	*got = 0;
	fake_called = on_call;
	w = watch_start(NULL, NULL, &spec);
	for (; line; line = next) {
		next = strchr(line, '|');
		if (next)
			*next++ = 0;
		if (*line)
			step(line);
	}
	watch_stop(w);
	if (!ok(!strcmp(got, log) && !fake_call && !fake_timer, "%s", name))
		printf("# got  %s\n# want %s\n", got, log);
	free(copy);
}

static void test_request(void)
{
	static const struct watch_spec spec = { .path = "/api/v1/pods", .field_selector = "spec.nodeName=w 1&x",
		.label_selector = "a in (b,c),!d", .metadata_only = true, .set = on_set, .gone = on_gone, .synced = on_synced };
	struct watch *w = watch_start(NULL, NULL, &spec);
	const struct answer bad = { .status = 400 };

	ok(strstr(fake_call->path, "&fieldSelector=spec.nodeName=w%201%26x&labelSelector=a%20in%20%28b,c%29,%21d") != NULL,
	   "selectors are escaped: %s", fake_call->path);
	ok(!strcmp(fake_call->accept, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"), "metadata alone");
	fake_end(&bad);
	ok(strstr(fake_call->path, "&labelSelector=a%20in%20%28b,c%29,%21d") != NULL, "also of a list");
	ok(!strcmp(fake_call->accept, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), "metadata alone");
	watch_stop(w);
}

static void test_status(void)
{
	static const struct watch_spec spec = { .path = "/x", .set = on_set, .gone = on_gone, .synced = on_synced };
	struct watch *w = watch_start(NULL, NULL, &spec);
	struct answer refused = { .message = "connection refused" };

	ok(!watch_is_synced(w) && !watch_heard(w) && *watch_trouble(w), "not connected yet: %s", watch_trouble(w));
	fake_end(&refused);
	ok(!strcmp(watch_trouble(w), "connection refused"), "the reason");
	fake_fire();
	send_line(NULL);
	ok(!*watch_trouble(w) && watch_heard(w) == fake_now && !watch_is_synced(w), "accepted");
	send_event("ADDED", object("a", "1"));
	send_event("ADDED", object("a", "2"));
	ok(watch_count(w) == 1, "one object");
	fake_now += 50;
	send_line("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":"
		  "{\"k8s.io/initial-events-end\":\"true\"}}}}");
	ok(watch_is_synced(w) && watch_heard(w) == fake_now, "synced");
	send_line("{");
	ok(!strcmp(watch_trouble(w), "invalid event from the server") && watch_is_synced(w), "trouble, and still synced");
	watch_stop(w);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(cases[i].name, cases[i].script, cases[i].log);
	fake_called = NULL;
	test_request();
	test_status();
	return tap_done();
}

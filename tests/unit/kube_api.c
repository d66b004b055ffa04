// SPDX-License-Identifier: GPL-2.0-only
/* Requests and streams against a server of HTTP over TLS (tests/lib/apiserver.py). */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/kube/api.h"
#include "tests/lib/tap.h"

#define WAIT_MS 5000u

static struct loop *loop;
static struct api *api;
static char directory[] = "/tmp/pinpool-api-XXXXXX", lines[256];
static unsigned int answers, running, accepted;
static struct answer last;
static json_t *body;
static struct call *to_cancel;

static pid_t start_server(int *input)
{
	int in[2], out[2];
	char ready[8] = "";
	pid_t pid;

	if (!mkdtemp(directory) || pipe(in) || pipe(out))
		abort();
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execlp("python3", "python3", "tests/lib/apiserver.py", directory, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*input = in[1];
	if (read(out[0], ready, sizeof(ready) - 1) < 5) {
		printf("Bail out! tests/lib/apiserver.py does not start\n");
		exit(1);
	}
	return pid;
}

static void use(const char *kubeconfig)
{
	char path[64];
	struct error e = {};

	api_free(api);
	snprintf(path, sizeof(path), "%s/%s", directory, kubeconfig);
	api = api_new(loop, path, &e);
	if (!api)
		printf("# %s\n", e.text);
}

static void on_answer(void *arg, const struct answer *a)
{
	(void)arg;
	answers++;
	running--;
	last = *a;
	json_decref(body);
	body = json_incref(a->body);
	if (!running)
		loop_stop(loop, 0);
}

static void on_line(void *arg, const char *line, size_t length)
{
	(void)arg;
	if (!line)
		accepted++;
	else
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%.*s ", (int)length, line);
	api_cancel(to_cancel);
	to_cancel = NULL;
}

static void begin(void)
{
	answers = accepted = 0;
	*lines = 0;
	running = 1;
}

static void send_with(const char *method, const char *path, const char *type, const json_t *json, unsigned int ms)
{
	begin();
	api_send(api, method, path, type, json, ms, on_answer, NULL);
	loop_run(loop);
}

static void get(const char *path)
{
	send_with("GET", path, NULL, NULL, WAIT_MS);
}

static void stream(const char *path, unsigned int silence_ms)
{
	begin();
	api_stream(api, path, NULL, silence_ms, on_line, on_answer, NULL);
	loop_run(loop);
}

static const char *text(const char *key)
{
	const char *value = json_string_value(json_object_get(body, key));

	return value ? value : "";
}

static void test_requests(void)
{
	json_t *json = json_pack("{s:s}", "a", "b");

	use("token");
	get("/echo/x?y=z");
	ok(last.status == 200 && !*last.message && !strcmp(text("method"), "GET") && !strcmp(text("path"), "/echo/x?y=z"), "GET");
	ok(!strcmp(text("accept"), "application/json") && !*text("type"), "JSON is asked for");
	ok(!strcmp(text("token"), "Bearer first"), "the token, without its line break");
	send_with("POST", "/echo", NULL, json, WAIT_MS);
	ok(!strcmp(text("method"), "POST") && !strcmp(text("type"), "application/json") && !strcmp(text("body"), "{\"a\":\"b\"}"), "POST");
	send_with("PATCH", "/echo", MERGE_PATCH, json, WAIT_MS);
	ok(!strcmp(text("method"), "PATCH") && !strcmp(text("type"), MERGE_PATCH), "PATCH");
	send_with("PUT", "/echo", NULL, json, WAIT_MS);
	ok(!strcmp(text("method"), "PUT") && !strcmp(text("body"), "{\"a\":\"b\"}"), "PUT");
	send_with("DELETE", "/echo", NULL, NULL, WAIT_MS);
	ok(!strcmp(text("method"), "DELETE") && !*text("body"), "DELETE");
	json_decref(json);
}

static void test_failures(void)
{
	get("/status/404");
	ok(last.status == 404 && last.retry_after == 7 && !strcmp(last.message, "said 404?[31m") && body,
	   "a Status, without control characters: %s", last.message);
	get("/text");
	ok(last.status == 404 && !strcmp(last.message, "404 page not found") && !body, "a text: its first line");
	get("/status/302");
	ok(last.status == 302, "a redirect is not followed");
	get("/garbage");
	ok(last.status == 200 && !body, "not JSON");
	get("/large/4194304");
	ok(last.status == 200 && !last.too_large, "4 MiB");
	get("/large/4194305");
	ok(!last.status && last.too_large && strstr(last.message, "4 MiB"), "more: %s", last.message);
	send_with("GET", "/hang", NULL, NULL, 200);
	ok(!last.status && !strcmp(last.message, "no answer for 0.2 s"), "no answer: %s", last.message);
	get("/echo");
	ok(last.status == 200, "and on another connection");
}

static void test_streams(void)
{
	stream("/lines", WAIT_MS);
	ok(!strcmp(lines, "{\"n\":1} {\"n\":2} {\"n\":3} ") && accepted == 1 && last.status == 200, "lines in pieces: %s", lines);
	stream("/cut", WAIT_MS);
	ok(!strcmp(lines, "{\"n\":1} ") && accepted == 1 && !last.status && *last.message, "cut within a line: %s", last.message);
	stream("/silent", 300);
	ok(!strcmp(lines, "{\"n\":1} ") && !last.status && strstr(last.message, "no answer for 0.3 s"), "silent: %s", last.message);
	stream("/long/4194304", WAIT_MS);
	ok(last.status == 200, "a line of 4 MiB");
	stream("/long/4259840", WAIT_MS);
	ok(!last.status && last.too_large, "a longer one: %s", last.message);
	stream("/status/429", WAIT_MS);
	ok(last.status == 429 && last.retry_after == 7 && !accepted && !*lines, "429: %s", last.message);
}

/* A call that ends another, or itself, from within libcurl. */
static void test_cancel(void)
{
	for (int i = 0; i < 2; i++) {
		struct call *first, *second;

		begin();
		first = api_stream(api, "/lines", NULL, WAIT_MS, on_line, on_answer, NULL);
		second = api_stream(api, "/lines", NULL, WAIT_MS, on_line, on_answer, NULL);
		to_cancel = i ? first : second;
		loop_run(loop);
		ok(answers == 1 && last.status == 200, "one of two is cancelled while it runs");
	}
	begin();
	api_cancel(api_send(api, "GET", "/echo", NULL, NULL, WAIT_MS, on_answer, NULL));
	api_send(api, "GET", "/echo", NULL, NULL, WAIT_MS, on_answer, NULL);
	loop_run(loop);
	ok(answers == 1, "before it has started");
	begin();
	api_send(api, "GET", "/hang", NULL, NULL, WAIT_MS, on_answer, NULL);
	api_stream(api, "/silent", NULL, WAIT_MS, on_line, on_answer, NULL);
	api_send(api, "GET", "/echo", NULL, NULL, WAIT_MS, on_answer, NULL);
	loop_run(loop);
	use("token");
	ok(api, "api_free() while calls run and wait");
}

static void test_many(void)
{
	begin();
	running = 300;
	for (int i = 0; i < 300; i++)
		api_send(api, "GET", "/echo", NULL, NULL, WAIT_MS, on_answer, NULL);
	loop_run(loop);
	ok(answers == 300 && last.status == 200, "300 at once");
}

static void write_token(const char *token)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/token.txt", directory);
	f = fopen(path, "w");
	fputs(token, f);
	fclose(f);
}

static void test_identity(void)
{
	get("/token/second");
	ok(last.status == 401, "an expired token");
	write_token("second\n");
	get("/token/second");
	ok(last.status == 200, "the file's new token");
	write_token("two words\n");
	get("/echo");
	ok(!last.status && !strcmp(last.message, "token: invalid character"), "a broken token: %s", last.message);
	write_token("first\n");
	use("certificate");
	get("/echo");
	ok(!strcmp(text("certificate"), "somebody") && !*text("token"), "a client certificate");
	use("wrong-ca");
	get("/echo");
	ok(!last.status && strstr(last.message, "certificate"), "an unknown authority: %s", last.message);
	stream("/lines", WAIT_MS);
	ok(!last.status && !accepted && strstr(last.message, "certificate"), "also for a stream");
	use("nobody");
	get("/echo");
	ok(!last.status && *last.message, "nobody listens: %s", last.message);
}

int main(void)
{
	int input, status;
	pid_t pid = start_server(&input);

	loop = loop_new();
	test_requests();
	test_failures();
	test_streams();
	test_cancel();
	test_many();
	test_identity();
	api_free(api);
	loop_free(loop);
	json_decref(body);
	close(input);
	waitpid(pid, &status, 0);
	return tap_done();
}

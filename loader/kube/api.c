// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests and streams: queued, run by libcurl on the loop, answered. Functions of a call may be called from
 * within libcurl, which must not be entered again: calls start and are removed by the work timer alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "loader/base/memory.h"
#include "loader/kube/api.h"
#include "loader/kube/lines.h"
#include "loader/kube/request.h"
#include "loader/kube/transport.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define SENDS_MAX 32     /* at a time: more would only wait in the server */
#define RETRY_MAX_S 3600
#define ACCEPT_MS 30000u /* until a stream's answer begins */

struct call {
	struct api *api;
	struct calls *list; /* that it is in */
	TAILQ_ENTRY(call) entry;
	struct request request;
	char *path, *body;
	CURL *easy; /* NULL: waits for its turn */
	struct curl_slist *headers;
	struct lines lines; /* the body, or a stream's incomplete line */
	struct timer timer;
	uint64_t heard;
	unsigned int limit_ms;
	bool answered, cancelled, too_large, fresh;
	line_fn *line; /* NULL: not a stream */
	answer_fn *fn;
	void *arg;
	char error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(calls, call);

struct api {
	struct loop *loop;
	struct access access;
	struct transport *transport;
	struct timer work;
	struct calls streams, sends; /* that wait for their start */
	struct calls running;
	unsigned int sends_running;
	bool fresh;         /* connections may be dead: use none that exists */
};

static void run_work(void *arg);

static void move_to(struct calls *list, struct call *call)
{
	if (call->list)
		TAILQ_REMOVE(call->list, call, entry);
	TAILQ_INSERT_TAIL(list, call, entry);
	call->list = list;
}

static void schedule_work(struct api *api)
{
	timer_start(api->loop, &api->work, 0, run_work, api);
}

/* Removes a call from its list and frees it. */
static void call_free(struct call *call)
{
	struct api *api = call->api;

	timer_stop(api->loop, &call->timer);
	TAILQ_REMOVE(call->list, call, entry);
	if (call->easy) {
		transport_remove(api->transport, call->easy);
		curl_easy_cleanup(call->easy);
		curl_slist_free_all(call->headers);
		api->sends_running -= !call->line;
	}
	lines_free(&call->lines);
	free(call->path);
	free(call->body);
	free(call);
}

/* Messages go to terminals and logs: anything but printable ASCII becomes a question mark. */
static void set_message(char *to, size_t room, const char *text, size_t length)
{
	size_t n = 0;

	for (; n < room - 1 && n < length && text[n] != '\n'; n++)
		to[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	to[n] = 0;
}

static void explain(const struct call *call, struct answer *a, const char *failure)
{
	const char *text = json_string_value(json_object_get(a->body, "message"));

	if (failure)
		text = failure;
	if (text)
		set_message(a->message, sizeof(a->message), text, strlen(text));
	else if (a->status / 100 != 2)
		set_message(a->message, sizeof(a->message), call->lines.text, call->lines.length);
	if (!*a->message && a->status / 100 != 2)
		snprintf(a->message, sizeof(a->message), "HTTP status %d", a->status);
}

static int status_of(const struct call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* Answers and frees a call. @failure: why no complete answer came; NULL: one did. */
static void finish(struct call *call, const char *failure)
{
	struct answer a = { .too_large = call->too_large };
	answer_fn *fn = call->cancelled ? NULL : call->fn;
	curl_off_t retry_after = 0;
	void *arg = call->arg;

	if (!failure) {
		a.status = status_of(call);
		curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
		a.body = line_json(call->lines.text, call->lines.length);
	}
	a.retry_after = (unsigned int)(retry_after > RETRY_MAX_S ? RETRY_MAX_S : retry_after);
	explain(call, &a, failure);
	schedule_work(call->api);
	call_free(call);
	if (fn)
		fn(arg, &a);
	json_decref(a.body);
}

static bool on_line(void *arg, const char *text, size_t length)
{
	struct call *call = arg;

	call->line(call->arg, text, length);
	return !call->cancelled;
}

/* libcurl ends a transfer when less than @count is returned. */
static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct call *call = arg;

	(void)size;
	call->heard = loop_now();
	if (call->cancelled)
		return 0;
	if (call->line && status_of(call) / 100 == 2)
		call->too_large = !lines_add(&call->lines, data, count, on_line, call);
	else
		call->too_large = !lines_append(&call->lines, data, count);
	return call->cancelled || call->too_large ? 0 : count;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct call *call = arg;

	(void)size;
	call->heard = loop_now();
	/* The empty line ends the headers; those of status 1xx are not the answer's. */
	if (call->cancelled || call->answered || *data != '\r' || status_of(call) < 200)
		return count;
	call->answered = true;
	if (call->fresh)
		call->api->fresh = false;
	if (call->line && status_of(call) / 100 == 2)
		call->line(call->arg, NULL, 0);
	return count;
}

static void on_limit(void *arg)
{
	struct call *call = arg;
	uint64_t limit = call->limit_ms, due, now = loop_now();
	char text[64];

	if (call->line && !call->answered && limit > ACCEPT_MS)
		limit = ACCEPT_MS;
	due = call->heard + limit;
	if (now < due) {
		timer_start(call->api->loop, &call->timer, due - now, on_limit, call);
		return;
	}
	snprintf(text, sizeof(text), "no answer for %.1f s", (double)limit / 1000);
	call->api->fresh = true;
	finish(call, text);
}

static void start(struct call *call)
{
	struct api *api = call->api;
	struct error e = {};
	CURL *easy = call->cancelled ? NULL : request_new(&api->access, &call->request, &call->headers, &e);

	if (!easy) {
		finish(call, e.text);
		return;
	}
	move_to(&api->running, call);
	api->sends_running += !call->line;
	call->easy = easy;
	call->fresh = api->fresh;
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)api->fresh);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	call->heard = loop_now();
	timer_start(api->loop, &call->timer, 0, on_limit, call);
	transport_add(api->transport, easy);
}

static void run_work(void *arg)
{
	struct api *api = arg;
	struct call *call, *next;

	for (call = TAILQ_FIRST(&api->running); call; call = next) {
		next = TAILQ_NEXT(call, entry);
		if (call->cancelled)
			call_free(call);
	}
	while ((call = TAILQ_FIRST(&api->streams)))
		start(call);
	while (api->sends_running < SENDS_MAX && (call = TAILQ_FIRST(&api->sends)))
		start(call);
}

static void on_done(void *arg, CURL *easy, CURLcode result)
{
	struct call *call;

	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	finish(call, call->too_large ? "answer exceeds 4 MiB" : !result ? NULL :
	       *call->error ? call->error : curl_easy_strerror(result));
}

static struct call *call_new(struct api *api, const struct request *r, char *body, unsigned int limit_ms,
			     line_fn *line, answer_fn *fn, void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .api = api, .request = *r, .path = xstrdup(r->path), .body = body,
			       .limit_ms = limit_ms, .line = line, .fn = fn, .arg = arg };
	call->request.path = call->path;
	call->request.body = body;
	move_to(line ? &api->streams : &api->sends, call);
	schedule_work(api);
	return call;
}

struct call *api_send(struct api *api, const char *method, const char *path, const char *type,
		      const json_t *body, unsigned int timeout_ms, answer_fn *fn, void *arg)
{
	struct request r = { .method = method, .path = path, .type = type };
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	return call_new(api, &r, text, timeout_ms, NULL, fn, arg);
}

struct call *api_get(struct api *api, const char *path, const char *accept, unsigned int timeout_ms,
		     answer_fn *fn, void *arg)
{
	struct request r = { .method = "GET", .path = path, .accept = accept };

	return call_new(api, &r, NULL, timeout_ms, NULL, fn, arg);
}

struct call *api_stream(struct api *api, const char *path, const char *accept, unsigned int silence_ms,
			line_fn *line, answer_fn *end, void *arg)
{
	struct request r = { .method = "GET", .path = path, .accept = accept };

	return call_new(api, &r, NULL, silence_ms, line, end, arg);
}

void api_cancel(struct call *call)
{
	if (!call)
		return;
	call->cancelled = true;
	schedule_work(call->api);
}

/* Reads each file once, so that a wrong path is an error of the start and not of every request. */
static int check_files(const struct access *access, struct error *e)
{
	struct request r = { .method = "GET", .path = "/" };
	struct curl_slist *headers;
	CURL *easy = request_new(access, &r, &headers, e);

	if (!easy)
		return -EIO;
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	return 0;
}

struct api *api_new(struct loop *loop, const char *kubeconfig, struct error *e)
{
	struct api *api = xcalloc(1, sizeof(*api));
	int err = kubeconfig ? access_from_file(kubeconfig, &api->access, e) :
			       access_from_pod(SERVICE_ACCOUNT, &api->access, e);

	if (err || check_files(&api->access, e)) {
		access_free(&api->access);
		free(api);
		return NULL;
	}
	api->loop = loop;
	api->transport = transport_new(loop, on_done, api);
	TAILQ_INIT(&api->running);
	TAILQ_INIT(&api->streams);
	TAILQ_INIT(&api->sends);
	return api;
}

void api_free(struct api *api)
{
	struct call *call;

	if (!api)
		return;
	while ((call = TAILQ_FIRST(&api->running) ?: TAILQ_FIRST(&api->streams) ?: TAILQ_FIRST(&api->sends)))
		call_free(call);
	transport_free(api->transport);
	timer_stop(api->loop, &api->work);
	access_free(&api->access);
	free(api);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The web server: its pages as a client sees them, and clients that would hold it. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/kube/web.h"
#include "tests/lib/tap.h"

static struct loop *loop;
static bool ready = true;
static unsigned short port;
static char reply[65536];
static size_t reply_length;
static struct timer timer;

static void metrics(void *arg, FILE *out)
{
	(void)arg;
	fputs("# TYPE pinpool_pods gauge\npinpool_pods 3\n", out);
}

static bool is_ready(void *arg, FILE *out)
{
	(void)arg;
	if (!ready)
		fputs("the API server is away\n", out);
	return ready;
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		abort();
	return fd;
}

static void on_reply(void *arg, int fd, uint32_t events)
{
	ssize_t n = read(fd, reply + reply_length, sizeof(reply) - 1 - reply_length);

	(void)arg, (void)events;
	reply_length += n > 0 ? (size_t)n : 0;
	if (n <= 0)
		loop_stop(loop, 0);
}

static void on_time(void *arg)
{
	(void)arg;
	loop_stop(loop, 1);
}

/* Runs the server until the client's connection has ended: false if it has not within @ms. */
static bool wait_for_end(int *fd, unsigned int ms)
{
	int code;

	reply_length = 0;
	loop_watch(loop, *fd, EPOLLIN, on_reply, NULL);
	timer_start(loop, &timer, ms, on_time, NULL);
	code = loop_run(loop);
	timer_stop(loop, &timer);
	loop_unwatch(loop, *fd);
	reply[reply_length] = 0;
	return !code;
}

static bool ask(const char *request)
{
	int fd = dial();
	bool ended;

	if (write(fd, request, strlen(request)) < 0)
		abort();
	ended = wait_for_end(&fd, 3000);
	close(fd);
	return ended;
}

static bool has(const char *text)
{
	return strstr(reply, text);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_pages(void)
{
	ok(ask(GET("/metrics")) && has("HTTP/1.1 200") && has("pinpool_pods 3\n# EOF\n"), "metrics, and the connection ends");
	ok(has("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "OpenMetrics");
	ok(ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n") && has("HTTP/1.1 200") && has("Content-Length: 47") && !has("EOF"), "HEAD");
	ok(ask(GET("/healthz")) && has("200") && has("\r\n\r\nok\n"), "healthy");
	ok(ask(GET("/readyz?verbose")) && has("200") && has("ok\n"), "ready");
	ready = false;
	ok(ask(GET("/readyz")) && has("HTTP/1.1 503") && has("\r\n\r\nthe API server is away\n"), "not ready, and why");
	ok(ask(GET("/healthz")) && has("200"), "healthy nevertheless");
	ready = true;
	ok(ask(GET("/")) && has("HTTP/1.1 404") && has("there are /metrics"), "other pages");
	ok(ask(GET("/metrics/../secret")) && has("404"), "no paths");
	ok(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc") && has("HTTP/1.1 405") && has("Allow: GET, HEAD"), "POST");
	ok(ask("nonsense\r\n\r\n") && !has("200"), "not HTTP");
}

static void run_for(unsigned int ms)
{
	timer_start(loop, &timer, ms, on_time, NULL);
	loop_run(loop);
}

static void test_hostile(void)
{
	int fds[8], refused = 0;
	uint64_t began = loop_now();

	for (int i = 0; i < 8; i++) {
		fds[i] = dial();
		if (i < 4 && write(fds[i], "GET /metrics HTTP/1.1\r\nX: ", 26) < 0)
			abort();
	}
	for (int i = 4; i < 8; i++)
		refused += wait_for_end(&fds[i], 500);
	ok(refused == 4, "one address has four connections; %d of four more are closed", refused);
	while (loop_now() - began < 9000) { /* a byte now and then, so that none is idle */
		run_for(1000);
		for (int i = 0; i < 4; i++)
			if (send(fds[i], "y", 1, MSG_NOSIGNAL) < 0)
				began = 0;
	}
	ok(began, "they may send slowly");
	ok(wait_for_end(&fds[0], 4000) && loop_now() - began < 13000, "until 10 s are over");
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	run_for(100);
	ok(ask(GET("/readyz")) && has("200"), "then others have their turn");
	for (int i = 1; i <= 200; i++) {
		close(dial());
		if (i % 50 == 0)
			run_for(100);
	}
	ok(ask(GET("/readyz")) && has("200"), "after 200 that hung up at once");
}

static const struct web_pages pages = { metrics, is_ready, NULL };

static struct web *start(const char *listen, struct error *e)
{
	return web_start(loop, listen, &pages, e);
}

static void test_addresses(void)
{
	static const char *const wrong[] = { "", "9090", "1.2.3.4", ":0", ":65536", ":x", "::1:90", "host:90", "[::1]", "[::1:90", ":90 ", ":-1" };
	struct error e;
	struct web *web;
	char text[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		e.text[0] = 0;
		web = start(wrong[i], &e);
		ok(!web && strstr(e.text, "expected ADDRESS:PORT"), "\"%s\": %s", wrong[i], e.text);
	}
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	ok(!start(text, &e) && strstr(e.text, "cannot listen: Address already in use"), "%s", e.text);
}

/* A port that is free now, on all addresses. */
static struct web *start_somewhere(char *listen, size_t room)
{
	struct error e = {};
	struct web *web = NULL;

	for (int i = 0; i < 100 && !web; i++) {
		port = (unsigned short)(20000 + (getpid() + i * 37) % 10000);
		snprintf(listen, room, ":%u", port);
		web = start(listen, &e);
	}
	if (!web)
		printf("# %s\n", e.text);
	return web;
}

int main(void)
{
	char listen[64];
	struct error e = {};
	struct web *web;

	loop = loop_new();
	web = start_somewhere(listen, sizeof(listen));
	test_pages();
	test_addresses();
	test_hostile();
	web_stop(web);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	web = start(listen, &e);
	ok(web && ask(GET("/readyz")) && has("200"), "the port is free again; one address");
	web_stop(web);
	loop_free(loop);
	return tap_done();
}

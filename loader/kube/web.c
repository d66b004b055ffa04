// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages for Prometheus and kubelet. One page a connection, few connections, and a deadline for each:
 * nobody who may connect can hold more than a corner of the process.
 */
#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/kube/web.h"

#define CONNECTIONS 16
#define PER_ADDRESS 4
#define CONNECTION_BYTES 8192
#define CONNECTION_MS 10000 /* however slowly its client sends and reads */
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct web {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	int epoll;
	struct timer timer, deadline;
	struct connection {
		int fd;
		uint64_t since; /* 0: free */
	} connections[CONNECTIONS];
	struct web_pages pages;
};

static void run(void *arg)
{
	struct web *web = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(web->daemon);
	if (MHD_get_timeout(web->daemon, &ms) == MHD_YES)
		timer_start(web->loop, &web->timer, ms, run, web);
	else
		timer_stop(web->loop, &web->timer);
}

static void on_epoll(void *arg, int fd, uint32_t events)
{
	(void)fd, (void)events;
	run(arg);
}

/* Shuts down the connections that are too old; libmicrohttpd then closes them. */
static void on_deadline(void *arg)
{
	struct web *web = arg;
	uint64_t now = loop_now(), next = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		const struct connection *c = &web->connections[i];

		if (!c->since)
			continue;
		if (c->since + CONNECTION_MS <= now)
			shutdown(c->fd, SHUT_RDWR);
		else if (!next || c->since < next)
			next = c->since;
	}
	if (next)
		timer_start(web->loop, &web->deadline, next + CONNECTION_MS - now, on_deadline, web);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct web *web = arg;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED && c) {
		c->since = 0;
		return;
	}
	for (c = web->connections; c < web->connections + CONNECTIONS && c->since;)
		c++;
	if (c == web->connections + CONNECTIONS)
		abort();
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->since = loop_now();
	*context = c;
	if (!web->deadline.at)
		timer_start(web->loop, &web->deadline, CONNECTION_MS, on_deadline, web);
}

/* Writes the page of @url to @out; its status. */
static unsigned int write_page(const struct web_pages *p, const char *url, FILE *out)
{
	if (!strcmp(url, "/metrics")) {
		p->metrics(p->arg, out);
		fputs("# EOF\n", out);
		return MHD_HTTP_OK;
	}
	if (!strcmp(url, "/healthz") || !strcmp(url, "/readyz")) {
		if (url[1] == 'r' && !p->ready(p->arg, out))
			return MHD_HTTP_SERVICE_UNAVAILABLE;
		fputs("ok\n", out);
		return MHD_HTTP_OK;
	}
	fputs("not found; there are /metrics, /healthz and /readyz\n", out);
	return MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **context)
{
	const char *type = strcmp(url, "/metrics") ? "text/plain; charset=utf-8" : OPENMETRICS;
	struct web *web = arg;
	struct MHD_Response *response;
	enum MHD_Result queued;
	unsigned int status = MHD_HTTP_METHOD_NOT_ALLOWED;
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	(void)version, (void)upload, (void)upload_size, (void)context;
	if (!out)
		abort();
	if (!strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD))
		status = write_page(&web->pages, url, out);
	if (fclose(out))
		abort();
	response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		abort();
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* The socket; -EINVAL: not an address or a port; or -errno. "::" is IPv4 too. */
static int listen_on(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *a;
	int on = 1, off = 0, fd, err = 0;

	if (getaddrinfo(address, port, &hints, &a))
		return -EINVAL;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 64))
		err = -errno;
	freeaddrinfo(a);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* Cuts "ADDRESS:PORT" into its parts (@address: "" for all); false if it is something else. */
static bool split(char *text, const char **address, const char **port)
{
	char *colon = strrchr(text, ':'), *end;

	if (!colon)
		return false;
	*colon = 0;
	*port = colon + 1;
	*address = text;
	if (*text == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		*address = text + 1;
	} else if (strchr(text, ':')) {
		return false;
	}
	return strtoul(*port, &end, 10) - 1 < 65535 && isdigit((unsigned char)**port) && !*end;
}

static int open_socket(const char *listen, struct error *e)
{
	char *text = xstrdup(listen);
	const char *address, *port;
	int fd = split(text, &address, &port) ? listen_on(*address ? address : "::", port) : -EINVAL;

	if (fd == -EAFNOSUPPORT && !*address)
		fd = listen_on("0.0.0.0", port);
	free(text);
	if (fd == -EINVAL)
		return error_set(e, fd, "%s: expected ADDRESS:PORT, [ADDRESS6]:PORT or :PORT", listen);
	return fd < 0 ? error_set(e, fd, "%s: cannot listen: %s", listen, strerror(-fd)) : fd;
}

struct web *web_start(struct loop *loop, const char *listen, const struct web_pages *pages, struct error *e)
{
	struct web *web;
	int fd = open_socket(listen, e);

	if (fd < 0)
		return NULL;
	web = xcalloc(1, sizeof(*web));
	*web = (struct web){ .loop = loop, .pages = *pages };
	web->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, web,
				       MHD_OPTION_LISTEN_SOCKET, fd,
				       MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				       MHD_OPTION_PER_IP_CONNECTION_LIMIT, PER_ADDRESS,
				       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				       MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_MS / 1000,
				       MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_END);
	if (!web->daemon) {
		close(fd);
		free(web);
		error_set(e, -EIO, "%s: cannot start the web server", listen);
		return NULL;
	}
	web->epoll = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	loop_watch(loop, web->epoll, EPOLLIN, on_epoll, web);
	return web;
}

void web_stop(struct web *web)
{
	if (!web)
		return;
	loop_unwatch(web->loop, web->epoll);
	timer_stop(web->loop, &web->timer);
	MHD_stop_daemon(web->daemon);
	timer_stop(web->loop, &web->deadline);
	free(web);
}

void metric_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

void metric(FILE *out, const char *name, const char *type, const char *help, unsigned long long value)
{
	metric_family(out, name, type, help);
	fprintf(out, "%s%s %llu\n", name, *type == 'c' ? "_total" : "", value);
}

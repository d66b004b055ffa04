// SPDX-License-Identifier: GPL-2.0-only
/* libcurl's multi interface driven by sockets and one timer of the loop. */
#include <stdlib.h>

#include "loader/base/memory.h"
#include "loader/kube/transport.h"

#define IDLE_CONNECTIONS 32L

struct transport {
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
	void (*done)(void *arg, CURL *easy, CURLcode result);
	void *arg;
};

static void run(struct transport *t, curl_socket_t fd, int flags)
{
	CURLMsg *message;
	int count;

	curl_multi_socket_action(t->multi, fd, flags, &count);
	while ((message = curl_multi_info_read(t->multi, &count)))
		t->done(t->arg, message->easy_handle, message->data.result);
}

static void on_timer(void *arg)
{
	run(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct transport *t = arg;

	(void)multi;
	if (ms < 0)
		timer_stop(t->loop, &t->timer);
	else
		timer_start(t->loop, &t->timer, (uint64_t)ms, on_timer, t);
	return 0;
}

static void on_socket(void *arg, int fd, uint32_t events)
{
	int flags = 0;

	flags |= events & EPOLLIN ? CURL_CSELECT_IN : 0;
	flags |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	flags |= events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
	run(arg, fd, flags);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct transport *t = arg;

	(void)easy, (void)socket;
	if (what == CURL_POLL_REMOVE)
		loop_unwatch(t->loop, fd);
	else
		loop_watch(t->loop, fd, (what & CURL_POLL_IN ? EPOLLIN : 0u) |
			   (what & CURL_POLL_OUT ? EPOLLOUT : 0u), on_socket, t);
	return 0;
}

struct transport *transport_new(struct loop *loop,
				void (*done)(void *arg, CURL *easy, CURLcode result), void *arg)
{
	struct transport *t = xcalloc(1, sizeof(*t));

	*t = (struct transport){ .loop = loop, .multi = curl_multi_init(), .done = done, .arg = arg };
	if (!t->multi)
		abort();
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
	curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	return t;
}

void transport_free(struct transport *t)
{
	curl_multi_cleanup(t->multi);
	timer_stop(t->loop, &t->timer);
	free(t);
}

void transport_add(struct transport *t, CURL *easy)
{
	if (curl_multi_add_handle(t->multi, easy))
		abort();
}

void transport_remove(struct transport *t, CURL *easy)
{
	curl_multi_remove_handle(t->multi, easy);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An API server and a clock in the test's hands: these functions take the place of loop.c's and api.c's. One
 * call and one timer, as a watch has.
 */
#ifndef PP_FAKE_API_H
#define PP_FAKE_API_H

#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/kube/api.h"

struct call {
	char *path, *accept;
	line_fn *line; /* NULL: api_get() */
	answer_fn *fn;
	void *arg;
};

static struct call *fake_call; /* that runs; NULL: none */
static struct timer *fake_timer;
static uint64_t fake_now = 1000, fake_wait;
static void (*fake_called)(const struct call *call); /* is told of each new call; or NULL */

uint64_t loop_now(void)
{
	return fake_now;
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t ms, void (*fn)(void *arg), void *arg)
{
	(void)loop;
	*timer = (struct timer){ .at = fake_now + ms, .fn = fn, .arg = arg };
	fake_timer = timer;
	fake_wait = ms;
}

void timer_stop(struct loop *loop, struct timer *timer)
{
	(void)loop;
	timer->at = 0;
	fake_timer = fake_timer == timer ? NULL : fake_timer;
}

static struct call *fake_start(const char *path, const char *accept, line_fn *line, answer_fn *fn, void *arg)
{
	if (fake_call)
		abort(); /* a watch has one call */
	fake_call = xcalloc(1, sizeof(*fake_call));
	*fake_call = (struct call){ xstrdup(path), xstrdup(accept ? accept : ""), line, fn, arg };
	if (fake_called)
		fake_called(fake_call);
	return fake_call;
}

struct call *api_get(struct api *api, const char *path, const char *accept, unsigned int timeout_ms, answer_fn *fn,
		     void *arg)
{
	(void)api, (void)timeout_ms;
	return fake_start(path, accept, NULL, fn, arg);
}

struct call *api_stream(struct api *api, const char *path, const char *accept, unsigned int silence_ms,
			line_fn *line, answer_fn *end, void *arg)
{
	(void)api, (void)silence_ms;
	return fake_start(path, accept, line, end, arg);
}

void api_cancel(struct call *call)
{
	if (!call)
		return;
	if (call != fake_call)
		abort();
	fake_call = NULL;
	free(call->path);
	free(call->accept);
	free(call);
}

/* Ends the call with an answer. */
static inline void fake_end(const struct answer *a)
{
	answer_fn *fn = fake_call->fn;
	void *arg = fake_call->arg;

	api_cancel(fake_call);
	fn(arg, a);
}

/* Lets the time of the timer pass. */
static inline void fake_fire(void)
{
	struct timer *timer = fake_timer;

	fake_now = timer->at;
	timer->at = 0;
	fake_timer = NULL;
	timer->fn(timer->arg);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* One thread's event loop: file descriptors by epoll, timers, and an end. */
#ifndef PP_KUBE_LOOP_H
#define PP_KUBE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs until loop_stop(); returns what that was given. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int code);

/* Milliseconds of CLOCK_BOOTTIME: time that a machine sleeps counts. */
uint64_t loop_now(void);

typedef void loop_fn(void *arg, int fd, uint32_t events);

/*
 * Calls @fn while the descriptor has one of @events (EPOLLIN, ...); again for the same descriptor: replaces
 * the last. The descriptor is not owned: loop_unwatch() goes before close(). Both may be called
 * from a handler, also its own.
 */
void loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg);
void loop_unwatch(struct loop *loop, int fd);

/* A timer belongs to its user, zeroed at first, and stays where it is while it runs. */
struct timer {
	uint64_t at; /* loop_now(); 0: not running */
	void (*fn)(void *arg);
	void *arg;
	struct timer *next;
};

/* Calls @fn once after @ms; running already: replaces that. */
void timer_start(struct loop *loop, struct timer *timer, uint64_t ms, void (*fn)(void *arg), void *arg);
void timer_stop(struct loop *loop, struct timer *timer);

/* SIGTERM and SIGINT are blocked and arrive here instead; once a process. */
void loop_signals(struct loop *loop, void (*fn)(void *arg, int signal), void *arg);

#endif

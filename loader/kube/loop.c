// SPDX-License-Identifier: GPL-2.0-only
/* The event loop. One timerfd serves all timers, because epoll's own timeout stops while a machine sleeps. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/kube/loop.h"

#define BATCH 32

struct watched {
	loop_fn *fn; /* NULL: not watched */
	void *arg;
	uint32_t round; /* an event of an earlier round is of a descriptor that is gone */
};

struct loop {
	int epoll, timerfd, signalfd;
	struct watched *watched; /* by descriptor */
	int room;
	uint32_t round;
	struct timer *timers; /* the first is due first */
	uint64_t armed;       /* what the timerfd is set to; 0: nothing */
	bool stopped;
	int code;
	void (*signal_fn)(void *arg, int signal);
	void *signal_arg;
};

uint64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *arg)
{
	struct epoll_event event = { .events = events };
	struct watched *w;

	if (fd >= loop->room) {
		int room = fd + 16;

		loop->watched = xrealloc(loop->watched, (size_t)room * sizeof(*loop->watched));
		memset(loop->watched + loop->room, 0, (size_t)(room - loop->room) * sizeof(*loop->watched));
		loop->room = room;
	}
	w = &loop->watched[fd];
	if (!w->fn)
		w->round = ++loop->round;
	*w = (struct watched){ .fn = fn, .arg = arg, .round = w->round };
	event.data.u64 = (uint64_t)w->round << 32 | (uint32_t)fd;
	/* A descriptor that was closed while it was watched has left the epoll by itself. */
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) &&
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event))
		abort();
}

void loop_unwatch(struct loop *loop, int fd)
{
	if (fd < 0 || fd >= loop->room || !loop->watched[fd].fn)
		return;
	loop->watched[fd].fn = NULL;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void timer_stop(struct loop *loop, struct timer *timer)
{
	struct timer **at = &loop->timers;

	if (!timer->at)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->at = 0;
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t ms, void (*fn)(void *arg), void *arg)
{
	struct timer **at = &loop->timers;

	timer_stop(loop, timer);
	*timer = (struct timer){ .at = loop_now() + ms, .fn = fn, .arg = arg };
	while (*at && (*at)->at <= timer->at)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

static void run_timers(struct loop *loop)
{
	uint64_t now = loop_now(); /* once: a timer that starts itself with 0 ms cannot hold the loop */
	struct timer *timer;

	while (!loop->stopped && (timer = loop->timers) && timer->at <= now) {
		timer_stop(loop, timer);
		timer->fn(timer->arg);
	}
}

static void arm(struct loop *loop)
{
	uint64_t at = loop->timers ? loop->timers->at : 0;
	struct itimerspec spec = { .it_value = { (time_t)(at / 1000), (long)(at % 1000) * 1000000 } };

	if (at == loop->armed)
		return;
	timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
	loop->armed = at;
}

static void on_timerfd(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		loop->armed = 0;
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->timerfd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	loop->signalfd = -1;
	if (loop->epoll < 0 || loop->timerfd < 0)
		abort();
	signal(SIGPIPE, SIG_IGN); /* a peer that closes is an error of write() */
	loop_watch(loop, loop->timerfd, EPOLLIN, on_timerfd, loop);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	close(loop->timerfd);
	if (loop->signalfd >= 0)
		close(loop->signalfd);
	free(loop->watched);
	free(loop);
}

static void run_events(struct loop *loop, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count && !loop->stopped; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		struct watched w = loop->watched[fd];

		if (w.fn && w.round == events[i].data.u64 >> 32)
			w.fn(w.arg, fd, events[i].events);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[BATCH];

	loop->stopped = false;
	while (!loop->stopped) {
		run_timers(loop);
		arm(loop);
		if (!loop->stopped)
			run_events(loop, events, epoll_wait(loop->epoll, events, BATCH, -1));
	}
	return loop->code;
}

void loop_stop(struct loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}

static void on_signalfd(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info))
		loop->signal_fn(loop->signal_arg, (int)info.ssi_signo);
}

void loop_signals(struct loop *loop, void (*fn)(void *arg, int signal), void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	loop->signal_fn = fn;
	loop->signal_arg = arg;
	loop->signalfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signalfd < 0)
		abort();
	loop_watch(loop, loop->signalfd, EPOLLIN, on_signalfd, loop);
}

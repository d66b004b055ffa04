// SPDX-License-Identifier: GPL-2.0-only
/* The event loop: order of timers, descriptors that change within a batch of events, signals. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "loader/kube/loop.h"
#include "tests/lib/tap.h"

static struct loop *loop;
static struct timer timers[4];
static char got[64];
static int pipes[3][2], spins;

static void note(char c)
{
	size_t n = strlen(got);

	if (n < sizeof(got) - 1)
		got[n] = c, got[n + 1] = 0;
}

static void on_timer(void *arg)
{
	note(*(const char *)arg);
	if (*(const char *)arg == 'e')
		loop_stop(loop, 7);
}

static void test_timers(void)
{
	uint64_t began = loop_now();

	*got = 0;
	timer_start(loop, &timers[0], 30, on_timer, "c");
	timer_start(loop, &timers[1], 10, on_timer, "x");
	timer_start(loop, &timers[2], 20, on_timer, "b");
	timer_start(loop, &timers[3], 40, on_timer, "e");
	timer_start(loop, &timers[1], 5, on_timer, "a");
	ok(loop_run(loop) == 7 && !strcmp(got, "abce"), "timers in their order: %s", got);
	ok(loop_now() - began >= 40 && !timers[0].at, "at their time, once");
	*got = 0;
	timer_start(loop, &timers[0], 0, on_timer, "a");
	timer_start(loop, &timers[1], 0, on_timer, "b");
	timer_start(loop, &timers[2], 1, on_timer, "c");
	timer_start(loop, &timers[3], 3, on_timer, "e");
	timer_stop(loop, &timers[1]);
	timer_stop(loop, &timers[1]);
	loop_run(loop);
	ok(!strcmp(got, "ace"), "a stopped timer: %s", got);
}

static void spin(void *arg)
{
	spins++;
	timer_start(loop, arg, 0, spin, arg);
}

static void on_pipe(void *arg, int fd, uint32_t events)
{
	(void)fd, (void)events;
	note(*(const char *)arg);
	loop_stop(loop, 0);
}

static void test_spin(void)
{
	*got = 0;
	if (write(pipes[0][1], "x", 1) != 1)
		abort();
	loop_watch(loop, pipes[0][0], EPOLLIN, on_pipe, "p");
	timer_start(loop, &timers[0], 0, spin, &timers[0]);
	loop_run(loop);
	ok(!strcmp(got, "p"), "a timer that starts itself with 0 ms (%d times) leaves descriptors their turn", spins);
	timer_stop(loop, &timers[0]);
	loop_unwatch(loop, pipes[0][0]);
}

/* Closes both pipes that are readable, and watches a new one that gets the number of the other. */
static void on_first(void *arg, int fd, uint32_t events)
{
	(void)arg, (void)fd, (void)events;
	note('1');
	for (int i = 0; i < 2; i++) {
		loop_unwatch(loop, pipes[i][0]);
		close(pipes[i][0]);
	}
	if (dup2(pipes[2][0], pipes[0][0]) < 0 || dup2(pipes[2][0], pipes[1][0]) < 0)
		abort();
	loop_watch(loop, pipes[0][0], EPOLLIN, on_pipe, "!");
	loop_watch(loop, pipes[1][0], EPOLLIN, on_pipe, "!");
	timer_start(loop, &timers[0], 20, on_timer, "e");
}

static void test_reuse(void)
{
	*got = 0;
	if (write(pipes[0][1], "x", 1) != 1 || write(pipes[1][1], "x", 1) != 1)
		abort();
	loop_watch(loop, pipes[0][0], EPOLLIN, on_first, NULL);
	loop_watch(loop, pipes[1][0], EPOLLIN, on_first, NULL);
	loop_run(loop);
	ok(!strcmp(got, "1e"), "an event of a closed descriptor is not its successor's: %s", got);
	*got = 0;
	if (write(pipes[2][1], "x", 1) != 1)
		abort();
	loop_unwatch(loop, pipes[1][0]);
	loop_unwatch(loop, pipes[1][0]);
	loop_run(loop);
	ok(!strcmp(got, "!"), "the successor's own event: %s", got);
	/* closed without loop_unwatch(), as a library may do */
	close(pipes[0][0]);
	if (dup2(pipes[2][0], pipes[0][0]) < 0)
		abort();
	*got = 0;
	loop_watch(loop, pipes[0][0], EPOLLIN, on_pipe, "?");
	loop_run(loop);
	ok(!strcmp(got, "?"), "watched again under its number: %s", got);
	loop_unwatch(loop, pipes[0][0]);
}

static void on_signal(void *arg, int signal)
{
	(void)arg;
	note(signal == SIGINT ? 'i' : '-');
	loop_stop(loop, 0);
}

static void test_signals(void)
{
	*got = 0;
	loop_signals(loop, on_signal, NULL);
	kill(getpid(), SIGINT);
	loop_run(loop);
	ok(!strcmp(got, "i"), "a signal is an event");
	ok(write(pipes[1][1], "x", 1) < 0, "a closed pipe is no signal");
}

int main(void)
{
	loop = loop_new();
	for (int i = 0; i < 3; i++)
		if (pipe2(pipes[i], O_CLOEXEC | O_NONBLOCK))
			abort();
	test_timers();
	test_spin();
	if (read(pipes[0][0], got, 1) != 1)
		abort();
	test_reuse();
	close(pipes[1][0]);
	test_signals();
	loop_free(loop);
	return tap_done();
}

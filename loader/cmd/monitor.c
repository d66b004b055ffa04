// SPDX-License-Identifier: GPL-2.0-only
/* pinpool monitor: the samples in pp_events, one line each, until it is interrupted. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/cmd/cmd.h"
#include "loader/kernel/counters.h"
#include "loader/kernel/flows.h"
#include "loader/base/prefix.h"
#include "maps/events.h"

#define POLL_MS 200

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Local time of something that happened at @since_boot, to the millisecond. */
static void print_time(uint64_t since_boot)
{
	struct timespec real, boot;
	int64_t ns;
	time_t seconds;
	char text[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ns = (real.tv_sec - boot.tv_sec) * 1000000000LL + real.tv_nsec - boot.tv_nsec + since_boot;
	seconds = ns / 1000000000;
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03d", text, (int)(ns / 1000000 % 1000));
}

static void print_end(const struct addr *addr, uint16_t port)
{
	char ip[ADDR_TEXT];

	addr_format(addr, ip);
	if (port)
		printf(addr_is_ipv4(addr) ? "%s:%u" : "[%s]:%u", ip, port);
	else
		fputs(ip, stdout);
}

static void print_event(const struct event *event)
{
	bool known = event->reason < STATS_COUNT;
	const struct counter_name *name = known ? &counter_names[event->reason] : NULL;
	char device[IF_NAMESIZE], number[12];

	print_time(event->time);
	printf(" %s %s", name && name->kind == COUNTER_DROP ? "drop" : "pass",
	       name ? name->name : "unknown");
	if (if_indextoname(event->ifindex, device))
		printf(" %s", device);
	else
		printf(" if%u", event->ifindex);
	if (event->ethertype == 0x0800 || event->ethertype == 0x86dd) {
		printf(" %s ", protocol_name(event->packet.protocol, number));
		print_end(&event->packet.source, event->packet.source_port);
		fputs(" > ", stdout);
		print_end(&event->packet.destination, event->packet.destination_port);
	} else {
		printf(" ethertype 0x%04x", event->ethertype);
	}
	printf(" %u bytes%s%s\n", event->length, name ? ": " : "", name ? name->help : "");
}

static int take(void *arg, void *data, size_t size)
{
	const struct event *event = data;
	bool drops = *(bool *)arg;

	if (size < sizeof(*event))
		return 0;
	if (drops &&
	    (event->reason >= STATS_COUNT || counter_names[event->reason].kind != COUNTER_DROP))
		return 0;
	print_event(event);
	return 0;
}

/* 0, or -errno of what ended it. */
static int watch(int fd, bool drops)
{
	struct ring_buffer *ring = ring_buffer__new(fd, take, &drops, NULL);
	int err = ring ? 0 : -errno;

	while (!err && !stopped) {
		err = ring_buffer__poll(ring, POLL_MS);
		err = err == -EINTR || err > 0 ? 0 : err;
		/* a reader that went away ends us */
		if (fflush(stdout))
			break;
	}
	ring_buffer__free(ring);
	return err;
}

static int run(struct call *c, struct error *e)
{
	const struct sigaction action = { .sa_handler = stop };
	int fd = pins_map(&c->node.pins, PIN_EVENTS), err;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = fd < 0 ? fd : watch(fd, c->args.drops);
	return err ? pins_error(&c->node.pins, "pp_events", err, e) : 0;
}

const struct command command_monitor = {
	.name = "monitor", .help = "drops and verdicts as they happen",
	.options = OPTIONS({ "drops", 0, NULL, ARGUMENT(drops), 0 }),
	.needs = NEEDS_NODE, .run = run,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The traffic of scripts/bench: request/response, connections, packets and bytes between two ends
 * that are pinned to one CPU, because between CPUs only wake-ups are measured.
 * Each service has a process of its own that blocks in its socket calls: no poll, no event loop.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum service { PORT_RR = 7001, PORT_CRR, PORT_UDP, PORT_PPS, PORT_BULK, PORT_WHO };

#define BATCH 64             /* datagrams a system call */
#define WINDOW (8 * BATCH)   /* datagrams under way, so that none is lost */
#define SAMPLES (1 << 22)
#define CHUNK (128 << 10)
#define STREAMS_MAX 64

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Also ahead of others: the time of an interrupted transaction is meaningless. */
static void pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(atoi(cpu), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cpu %s", cpu);
	setpriority(PRIO_PROCESS, 0, -20);
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){ 1 }, sizeof(int));
}

/* --- the server ----------------------------------------------------------------------------- */

static int listener(int type, int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || (type == SOCK_STREAM && listen(fd, 4096)))
		err(1, "port %d", port);
	return fd;
}

static void serve_rr(int fd)
{
	char byte;

	no_delay(fd);
	while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
		;
}

static void serve_bulk(int fd)
{
	static char buffer[CHUNK];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
}

/*
 * One connection after the other. This side closes first, like a web server, and keeps TIME_WAIT; the
 * masquerading node must handle a port that is reused too soon.
 */
static void serve_crr(int fd)
{
	char byte;

	if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
		warn("crr");
}

static void serve_who(int fd)
{
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(peer);
	char text[INET6_ADDRSTRLEN];
	const char *shown;

	if (getpeername(fd, (struct sockaddr *)&peer, &size))
		return;
	inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof(text));
	shown = strncmp(text, "::ffff:", 7) ? text : text + 7;
	if (write(fd, shown, strlen(shown)) < 0)
		warn("who");
}

static void accept_all(int port, void (*serve)(int fd), bool process_each)
{
	int on = listener(SOCK_STREAM, port), fd;

	for (;;) {
		fd = accept(on, NULL, NULL);
		if (fd < 0)
			continue;
		if (!process_each || !fork()) {
			serve(fd);
			if (process_each)
				_exit(0);
		}
		close(fd);
	}
}

static void echo_udp(int port)
{
	int fd = listener(SOCK_DGRAM, port);
	struct sockaddr_in6 from;
	char data[64];

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (n >= 0)
			sendto(fd, data, n, 0, (struct sockaddr *)&from, size);
	}
}

/* Tells the sender how many have come, once for each batch. */
static void sink_udp(int port)
{
	int fd = listener(SOCK_DGRAM, port);
	static char data[BATCH][64];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_in6 from;

	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
			messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
		}
		messages[0].msg_hdr.msg_name = &from;
		messages[0].msg_hdr.msg_namelen = sizeof(from);
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (n > 0)
			sendto(fd, &n, sizeof(n), 0, (struct sockaddr *)&from, sizeof(from));
	}
}

static bool service_process(void)
{
	if (fork())
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

static void serve(void)
{
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (service_process())
		accept_all(PORT_RR, serve_rr, true);
	if (service_process())
		accept_all(PORT_CRR, serve_crr, false);
	if (service_process())
		accept_all(PORT_BULK, serve_bulk, true);
	if (service_process())
		accept_all(PORT_WHO, serve_who, false);
	if (service_process())
		echo_udp(PORT_UDP);
	if (service_process())
		sink_udp(PORT_PPS);
	for (;;)
		pause();
}

/* --- the client ------------------------------------------------------------------------------ */

struct client {
	struct sockaddr_storage peer;
	socklen_t peer_size;
	int fd;
	uint64_t count, lost;
	uint64_t started, ended;
	uint32_t *samples; /* ns of each transaction */
};

static void resolve(struct client *c, const char *address, int port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found;
	char service[16];
	int code;

	snprintf(service, sizeof(service), "%d", port);
	code = getaddrinfo(address, service, &hints, &found);
	if (code)
		errx(1, "%s: %s", address, gai_strerror(code));
	memcpy(&c->peer, found->ai_addr, found->ai_addrlen);
	c->peer_size = found->ai_addrlen;
	freeaddrinfo(found);
}

static int open_to(struct client *c, int type)
{
	const struct timeval patience = { .tv_sec = type == SOCK_STREAM ? 3 : 0,
					  .tv_usec = type == SOCK_STREAM ? 0 : 100000 };
	int fd = socket(c->peer.ss_family, type, 0);

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&c->peer, c->peer_size)) {
		if (type == SOCK_STREAM && (errno == EINPROGRESS || errno == EAGAIN))
			errno = ETIMEDOUT;
		err(1, "connect");
	}
	if (type == SOCK_STREAM)
		no_delay(fd);
	return fd;
}

static void once_rr(struct client *c)
{
	char byte = 'x';

	if (write(c->fd, &byte, 1) != 1 || read(c->fd, &byte, 1) != 1)
		err(1, "request");
}

static void once_crr(struct client *c)
{
	int fd = open_to(c, SOCK_STREAM);
	char byte = 'x';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 0)
		err(1, "request");
	close(fd);
}

static void once_udp(struct client *c)
{
	char byte = 'x';

	while (write(c->fd, &byte, 1) != 1 || read(c->fd, &byte, 1) != 1) {
		if (errno != EAGAIN || ++c->lost > 20)
			err(1, "request");
	}
}

/* A window of datagrams, so that sender and receiver share the CPU as they need it. */
static void once_pps(struct client *c)
{
	static char data[BATCH][18];
	static struct mmsghdr messages[BATCH];
	static struct iovec parts[BATCH];
	static uint64_t under_way;
	int n;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	while (under_way < WINDOW) {
		n = sendmmsg(c->fd, messages, BATCH, 0);
		if (n < 0)
			err(1, "sendmmsg");
		under_way += n;
	}
	if (recv(c->fd, &n, sizeof(n), 0) != sizeof(n)) {
		c->lost += under_way;
		under_way = 0;
		return;
	}
	under_way -= n < (int)under_way ? n : (int)under_way;
	c->count += n;
}

static void transactions(struct client *c, void (*once)(struct client *c), double seconds)
{
	uint64_t before, after = now_ns(), warm = after + seconds * 1e8, end;

	do
		once(c);
	while (now_ns() < warm);
	c->count = c->lost = 0;
	c->started = after = now_ns();
	end = c->started + seconds * 1e9;
	do {
		before = after;
		once(c);
		after = now_ns();
		if (!c->samples)
			continue;
		if (c->count < SAMPLES)
			c->samples[c->count] = after - before;
		c->count++;
	} while (after < end);
	c->ended = after;
}

/* Bytes that the sockets took; what is in their buffers is as much at the start as at the end. */
static uint64_t bulk_until(struct pollfd *fds, int streams, uint64_t end)
{
	static char buffer[CHUNK];
	uint64_t bytes = 0;
	ssize_t n;

	while (now_ns() < end) {
		if (poll(fds, streams, 1000) <= 0)
			errx(1, "bulk: nothing moves");
		for (int i = 0; i < streams; i++) {
			if (!fds[i].revents)
				continue;
			n = write(fds[i].fd, buffer, sizeof(buffer));
			if (n < 0 && errno != EAGAIN)
				err(1, "bulk");
			bytes += n > 0 ? n : 0;
		}
	}
	return bytes;
}

static void bulk(struct client *c, double seconds, int streams)
{
	struct pollfd fds[STREAMS_MAX];

	if (streams < 1 || streams > STREAMS_MAX)
		errx(2, "bulk: 1 to %d streams", STREAMS_MAX);
	for (int i = 0; i < streams; i++) {
		fds[i] = (struct pollfd){ .fd = open_to(c, SOCK_STREAM), .events = POLLOUT };
		fcntl(fds[i].fd, F_SETFL, O_NONBLOCK);
	}
	bulk_until(fds, streams, now_ns() + seconds * 2e8);
	c->started = now_ns();
	c->count = bulk_until(fds, streams, c->started + seconds * 1e9);
	c->ended = now_ns();
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(const struct client *c, double part)
{
	uint64_t n = c->count < SAMPLES ? c->count : SAMPLES;

	return n ? c->samples[(uint64_t)(part * (n - 1))] / 1e3 : 0;
}

static void report(struct client *c)
{
	double seconds = (c->ended - c->started) / 1e9;

	printf("{\"rate\": %.1f, \"count\": %llu, \"lost\": %llu, \"seconds\": %.4f", c->count / seconds,
	       (unsigned long long)c->count, (unsigned long long)c->lost, seconds);
	if (c->samples) {
		qsort(c->samples, c->count < SAMPLES ? c->count : SAMPLES, sizeof(*c->samples), by_value);
		printf(", \"us\": {\"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f, \"max\": %.2f}",
		       percentile(c, .5), percentile(c, .9), percentile(c, .99), percentile(c, .999),
		       percentile(c, 1));
	}
	printf("}\n");
}

static void who(struct client *c)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (read(open_to(c, SOCK_STREAM), text, sizeof(text) - 1) <= 0)
		err(1, "who");
	puts(text);
}

static const struct mode {
	const char *name;
	int port, type; /* type 0: the transaction opens its sockets itself */
	void (*once)(struct client *c);
	bool samples;
} modes[] = {
	{ "rr", PORT_RR, SOCK_STREAM, once_rr, true },
	{ "crr", PORT_CRR, 0, once_crr, true },
	{ "udp", PORT_UDP, SOCK_DGRAM, once_udp, true },
	{ "pps", PORT_PPS, SOCK_DGRAM, once_pps, false },
	{ "bulk", PORT_BULK, 0, NULL, false },
	{ "who", PORT_WHO, 0, NULL, false },
	{},
};

static int ask(const struct mode *mode, const char *address, double seconds, int streams)
{
	struct client c = {};

	resolve(&c, address, mode->port);
	if (mode->samples)
		c.samples = calloc(SAMPLES, sizeof(*c.samples));
	if (mode->type)
		c.fd = open_to(&c, mode->type);
	if (mode->port == PORT_WHO) {
		who(&c);
		return 0;
	}
	if (mode->once)
		transactions(&c, mode->once, seconds);
	else
		bulk(&c, seconds, streams);
	report(&c);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3)
		pin(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve();
	for (const struct mode *mode = modes; argc >= 4 && mode->name; mode++)
		if (!strcmp(mode->name, argv[1]))
			return ask(mode, argv[3], argc > 4 ? atof(argv[4]) : 1, argc > 5 ? atoi(argv[5]) : 1);
	fprintf(stderr, "usage: bench_net serve CPU\n"
			"       bench_net rr|crr|udp|pps|bulk|who CPU ADDRESS [SECONDS [STREAMS]]\n");
	return 2;
}

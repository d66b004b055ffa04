// SPDX-License-Identifier: GPL-2.0-only
/* Probes, sent in parallel from one event loop, which also runs the servers. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "loader/base/prefix.h"
#include "loader/connect/probe_socket.h"

#define BATCH 256        /* probes at a time: three descriptors each stay below the usual 1,024 */
#define ATTEMPTS 3
#define ATTEMPT_MS 400

enum event { EVENT_LISTENER, EVENT_DATAGRAM, EVENT_STREAM, EVENT_PROBE };

struct run {
	struct probe *probes;
	size_t count;
	uint32_t id;
	int epoll;
	size_t open; /* probes of this batch without a result */
};

const char *probe_protocol_name(enum probe_protocol protocol)
{
	static const char *const names[] = { "tcp", "udp", "icmp" };

	return names[protocol];
}

static int watch(struct run *r, int fd, enum event event, uint32_t value, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = (uint64_t)event << 32 | value };

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void probe_close(struct probe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void finish(struct run *r, struct probe *p, bool answered)
{
	probe_close(p);
	p->finished = true;
	p->answered = answered;
	r->open--;
}

static void set_reason(struct probe *p, int err)
{
	snprintf(p->reason, sizeof(p->reason), "%s", strerror(err));
}

static uint16_t checksum(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += (uint32_t)byte[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* Writes the message, and for ICMP the echo request around it (the kernel fills in IPv6's checksum). */
static size_t build(const struct run *r, const struct probe *p, uint8_t buffer[65536])
{
	struct probe_message m = { .run = r->id, .index = p - r->probes };
	size_t header = p->protocol == PROBE_ICMP ? sizeof(struct icmphdr) : 0;
	size_t size = p->protocol == PROBE_TCP || p->size < sizeof(m) ? sizeof(m) : p->size;
	struct icmphdr icmp = { .un.echo.id = htons(m.index) };

	memcpy(m.magic, probe_magic, sizeof(m.magic));
	memset(buffer, 0, header + size);
	memcpy(buffer + header, &m, sizeof(m));
	if (header) {
		icmp.type = addr_is_ipv4(&p->destination) ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
		memcpy(buffer, &icmp, header);
		icmp.checksum = checksum(buffer, header + size);
		memcpy(buffer, &icmp, header);
	}
	return header + size;
}

static int connect_socket(struct run *r, struct probe *p)
{
	union sockaddr_any to;
	socklen_t size = sockaddr_of(&to, &p->destination, p->port);
	bool ipv4 = addr_is_ipv4(&p->destination);
	int one = 1;

	p->fd = probe_socket(p->netns, p->protocol, &p->destination);
	if (p->fd < 0)
		return p->fd;
	/* "host unreachable" is then reported at once, not after retransmissions or never. */
	setsockopt(p->fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR, &one,
		   sizeof(one));
	if (p->protocol == PROBE_ICMP)
		to.ipv4.sin_port = 0;
	if (connect(p->fd, &to.any, size) && errno != EINPROGRESS)
		return -errno;
	return watch(r, p->fd, EVENT_PROBE, p - r->probes,
		     p->protocol == PROBE_TCP ? EPOLLOUT : EPOLLIN);
}

/* One attempt. A TCP probe starts again: its first SYN may have met an interface without carrier. */
static void probe_send(struct run *r, struct probe *p)
{
	uint8_t buffer[65536];
	size_t size;
	int err;

	if (p->protocol == PROBE_TCP)
		probe_close(p);
	if (p->fd < 0) {
		err = connect_socket(r, p);
		if (err) {
			set_reason(p, -err);
			probe_close(p);
			return;
		}
	}
	if (p->protocol == PROBE_TCP)
		return;
	size = build(r, p, buffer);
	if (send(p->fd, buffer, size, 0) < 0)
		set_reason(p, errno);
}

/* Reads an ICMP error; the queue must be emptied, or epoll never sleeps again. */
static bool take_error(struct probe *p)
{
	char control[512];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err ee;
	struct cmsghdr *c;

	if (recvmsg(p->fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_len >= CMSG_LEN(sizeof(ee))) {
		memcpy(&ee, CMSG_DATA(c), sizeof(ee));
		set_reason(p, ee.ee_errno);
	}
	return true;
}

static bool is_answer(const struct run *r, const struct probe *p, const uint8_t *buffer,
		      ssize_t size)
{
	size_t header = 0;
	uint8_t type = addr_is_ipv4(&p->destination) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;

	if (p->protocol == PROBE_ICMP) {
		/* Raw IPv4 sockets include the IP header. */
		header = addr_is_ipv4(&p->destination) && size > 0 ? (buffer[0] & 15) * 4 : 0;
		if (size < (ssize_t)(header + sizeof(struct icmphdr)) || buffer[header] != type)
			return false;
		header += sizeof(struct icmphdr);
	}
	return probe_of_message(buffer + header, size - header, r->probes, r->count, r->id) == p;
}

static void probe_receive(struct run *r, struct probe *p)
{
	uint8_t buffer[65536];
	ssize_t size;

	while (take_error(p))
		;
	while ((size = recv(p->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) >= 0) {
		if (is_answer(r, p, buffer, size)) {
			finish(r, p, true);
			return;
		}
		if (!size && p->protocol == PROBE_TCP) {
			/* The server has seen a wrong address and reported it. */
			probe_close(p);
			return;
		}
	}
	if (errno == EAGAIN)
		return;
	set_reason(p, errno);
	if (p->protocol == PROBE_TCP)
		probe_close(p);
}

/* The connect has succeeded or failed. */
static void tcp_connected(struct run *r, struct probe *p)
{
	struct epoll_event ev = { .events = EPOLLIN,
				  .data.u64 = (uint64_t)EVENT_PROBE << 32 | (p - r->probes) };
	uint8_t buffer[65536];
	socklen_t size = sizeof(int);
	int err = 0;

	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (!err && p->stranger) {
		finish(r, p, true);
		return;
	}
	if (!err && send(p->fd, buffer, build(r, p, buffer), MSG_NOSIGNAL) < 0)
		err = errno;
	if (!err && epoll_ctl(r->epoll, EPOLL_CTL_MOD, p->fd, &ev))
		err = errno;
	if (!err)
		return;
	set_reason(p, err);
	probe_close(p);
}

static void probe_event(struct run *r, struct probe *p, uint32_t events)
{
	if (p->fd < 0)
		return; /* closed by an event of the same batch */
	if (p->protocol == PROBE_TCP && events & EPOLLOUT)
		tcp_connected(r, p);
	else
		probe_receive(r, p);
}

static void dispatch(struct run *r, const struct epoll_event *ev)
{
	uint32_t value = (uint32_t)ev->data.u64;
	int fd;

	switch ((enum event)(ev->data.u64 >> 32)) {
	case EVENT_LISTENER:
		while ((fd = probe_server_accept(value)) >= 0)
			if (watch(r, fd, EVENT_STREAM, fd, EPOLLIN))
				close(fd);
		break;
	case EVENT_DATAGRAM:
		probe_server_datagram(value, r->probes, r->count, r->id);
		break;
	case EVENT_STREAM:
		probe_server_stream(value, r->probes, r->count, r->id);
		break;
	case EVENT_PROBE:
		probe_event(r, &r->probes[value], ev->events);
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Runs until all probes have a result or the time is over. */
static int wait_until(struct run *r, int64_t deadline, const volatile sig_atomic_t *stop)
{
	struct epoll_event events[64];
	int64_t now;
	int n;

	while (r->open && (now = now_ms()) < deadline) {
		if (*stop)
			return -EINTR;
		n = epoll_wait(r->epoll, events, 64, deadline - now);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			dispatch(r, &events[i]);
	}
	return *stop ? -EINTR : 0;
}

static int run_batch(struct run *r, size_t first, size_t count, const volatile sig_atomic_t *stop)
{
	int64_t deadline = now_ms();
	int err = 0;

	r->open = count;
	for (int attempt = 0; !err && r->open && attempt < ATTEMPTS; attempt++) {
		for (size_t i = first; i < first + count; i++)
			if (!r->probes[i].finished)
				probe_send(r, &r->probes[i]);
		deadline += ATTEMPT_MS;
		err = wait_until(r, deadline, stop);
	}
	for (size_t i = first; i < first + count; i++) {
		if (r->probes[i].finished)
			continue;
		if (!r->probes[i].reason[0])
			snprintf(r->probes[i].reason, sizeof(r->probes[i].reason), "no answer");
		finish(r, &r->probes[i], false);
	}
	return err;
}

int probes_run(struct probe *probes, size_t count, struct probe_server *servers,
	       size_t server_count, const volatile sig_atomic_t *stop, struct error *e)
{
	struct run r = { .probes = probes, .count = count };
	int err = 0;

	if (getrandom(&r.id, sizeof(r.id), 0) < 0)
		r.id = getpid();
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r.epoll < 0)
		err = -errno;
	for (size_t i = 0; i < count; i++) {
		probes[i].fd = -1;
		probes[i].finished = probes[i].answered = false;
		probes[i].reason[0] = 0;
	}
	for (size_t i = 0; !err && i < server_count; i++) {
		err = watch(&r, servers[i].fd[PROBE_TCP], EVENT_LISTENER, servers[i].fd[PROBE_TCP], EPOLLIN);
		if (!err)
			err = watch(&r, servers[i].fd[PROBE_UDP], EVENT_DATAGRAM,
				    servers[i].fd[PROBE_UDP], EPOLLIN);
	}
	for (size_t i = 0; !err && i < count; i += BATCH)
		err = run_batch(&r, i, count - i < BATCH ? count - i : BATCH, stop);
	if (r.epoll >= 0)
		close(r.epoll);
	return err && err != -EINTR ? error_set(e, err, "probes: cannot run: %s", strerror(-err)) : err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The server's end of probes: sockets in other namespaces that echo, and check the source address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/net/netns.h"
#include "loader/base/prefix.h"
#include "loader/connect/probe_socket.h"
#include "loader/net/route.h"

const char probe_magic[8] = "pinpool";

socklen_t sockaddr_of(union sockaddr_any *to, const struct addr *addr, uint16_t port)
{
	memset(to, 0, sizeof(*to));
	if (addr_is_ipv4(addr)) {
		to->ipv4.sin_family = AF_INET;
		to->ipv4.sin_port = htons(port);
		memcpy(&to->ipv4.sin_addr, addr->byte + 12, 4);
		return sizeof(to->ipv4);
	}
	to->ipv6.sin6_family = AF_INET6;
	to->ipv6.sin6_port = htons(port);
	memcpy(&to->ipv6.sin6_addr, addr->byte, 16);
	return sizeof(to->ipv6);
}

static struct addr addr_of_sockaddr(const union sockaddr_any *from)
{
	struct addr addr = { .byte = { [10] = 0xff, [11] = 0xff } };

	if (from->any.sa_family == AF_INET)
		memcpy(addr.byte + 12, &from->ipv4.sin_addr, 4);
	else
		memcpy(addr.byte, &from->ipv6.sin6_addr, 16);
	return addr;
}

static uint16_t port_of_sockaddr(const union sockaddr_any *from)
{
	/* The port is at the same offset in both families. */
	return ntohs(from->ipv4.sin_port);
}

struct socket_kind {
	int domain, type, protocol;
};

static int open_socket(void *arg)
{
	const struct socket_kind *k = arg;
	int fd = socket(k->domain, k->type | SOCK_NONBLOCK | SOCK_CLOEXEC, k->protocol);

	return fd < 0 ? -errno : fd;
}

int probe_socket(int netns, enum probe_protocol protocol, const struct addr *addr)
{
	bool ipv4 = addr_is_ipv4(addr);
	struct socket_kind kind = { .domain = ipv4 ? AF_INET : AF_INET6 };

	switch (protocol) {
	case PROBE_TCP:
		kind.type = SOCK_STREAM;
		break;
	case PROBE_UDP:
		kind.type = SOCK_DGRAM;
		break;
	default:
		/* By default net.ipv4.ping_group_range forbids ping sockets, to root too. */
		kind.type = SOCK_RAW;
		kind.protocol = ipv4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	}
	return netns_call(netns, open_socket, &kind);
}

static int listen_at(int fd, const struct addr *addr, enum probe_protocol protocol, uint16_t *port)
{
	union sockaddr_any at;
	socklen_t size = sockaddr_of(&at, addr, 0);

	if (bind(fd, &at.any, size) || (protocol == PROBE_TCP && listen(fd, SOMAXCONN)) ||
	    getsockname(fd, &at.any, &size))
		return -errno;
	*port = port_of_sockaddr(&at);
	return 0;
}

int probe_server_open(struct probe_server *server, int netns, const struct addr *addr,
		      struct error *e)
{
	char text[ADDR_TEXT];
	int err = 0;

	server->fd[PROBE_TCP] = server->fd[PROBE_UDP] = -1;
	for (int p = PROBE_TCP; !err && p <= PROBE_UDP; p++) {
		server->fd[p] = probe_socket(netns, p, addr);
		err = server->fd[p] < 0 ? server->fd[p] :
					  listen_at(server->fd[p], addr, p, &server->port[p]);
	}
	if (!err)
		return 0;
	probe_server_close(server);
	return error_set(e, err, "%s: cannot listen: %s", addr_format(addr, text), strerror(-err));
}

void probe_server_close(struct probe_server *server)
{
	for (int p = PROBE_TCP; p <= PROBE_UDP; p++) {
		if (server->fd[p] >= 0)
			close(server->fd[p]);
		server->fd[p] = -1;
	}
}

struct probe *probe_of_message(const void *message, ssize_t size, struct probe *probes,
			       size_t count, uint32_t run)
{
	struct probe_message m;

	if (size < (ssize_t)sizeof(m))
		return NULL;
	memcpy(&m, message, sizeof(m));
	if (memcmp(m.magic, probe_magic, sizeof(m.magic)) || m.run != run || m.index >= count)
		return NULL;
	return &probes[m.index];
}

/* Whether @probe comes from the expected address and may be answered. */
static bool is_expected(struct probe *probe, const union sockaddr_any *from)
{
	struct addr seen = addr_of_sockaddr(from);
	char a[ADDR_TEXT], b[ADDR_TEXT];

	if (!probe || probe->finished)
		return false;
	if (addr_is_zero(&probe->source) || !memcmp(&seen, &probe->source, sizeof(seen)))
		return true;
	snprintf(probe->reason, sizeof(probe->reason), "arrives from %s, not %s",
		 addr_format(&seen, a), addr_format(&probe->source, b));
	return false;
}

int probe_server_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void probe_server_datagram(int fd, struct probe *probes, size_t count, uint32_t run)
{
	union sockaddr_any from;
	socklen_t from_size = sizeof(from);
	char buffer[65536];
	ssize_t size;

	while ((size = recvfrom(fd, buffer, sizeof(buffer), 0, &from.any, &from_size)) >= 0) {
		struct probe *probe = probe_of_message(buffer, size, probes, count, run);

		if (is_expected(probe, &from))
			sendto(fd, buffer, size, 0, &from.any, from_size);
		from_size = sizeof(from);
	}
}

void probe_server_stream(int fd, struct probe *probes, size_t count, uint32_t run)
{
	union sockaddr_any from;
	socklen_t from_size = sizeof(from);
	struct probe_message message;
	/* 16 bytes sent at once arrive at once. */
	ssize_t size = recv(fd, &message, sizeof(message), 0);

	if (size < 0 && errno == EAGAIN)
		return;
	if (!getpeername(fd, &from.any, &from_size) &&
	    is_expected(probe_of_message(&message, size, probes, count, run), &from))
		send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	close(fd);
}

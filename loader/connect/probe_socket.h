/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets in other namespaces, and conversion of addresses; for probe*.c only. */
#ifndef PP_PROBE_SOCKET_H
#define PP_PROBE_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "loader/connect/probe.h"

union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Fills in @to (port in host order) and returns its length. */
socklen_t sockaddr_of(union sockaddr_any *to, const struct addr *addr, uint16_t port);

/* A non-blocking, close-on-exec socket of @netns for @protocol to or at @addr; or -errno. */
int probe_socket(int netns, enum probe_protocol protocol, const struct addr *addr);

/* Servers: accept a connection, receive a datagram, receive from a connection. */
int probe_server_accept(int listener);
void probe_server_datagram(int fd, struct probe *probes, size_t count, uint32_t run);
void probe_server_stream(int fd, struct probe *probes, size_t count, uint32_t run);

/* The probe that @message belongs to; NULL: not one of ours. */
struct probe *probe_of_message(const void *message, ssize_t size, struct probe *probes,
			       size_t count, uint32_t run);

extern const char probe_magic[8];

#endif

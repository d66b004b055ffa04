/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small messages sent between network namespaces and echoed there, all by this one process: which
 * ends answer over which protocol, and which source address the other end sees.
 */
#ifndef PP_PROBE_H
#define PP_PROBE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "maps/addr.h"

enum probe_protocol { PROBE_TCP, PROBE_UDP, PROBE_ICMP };

/* The start of each message; the rest is zero. */
struct probe_message {
	char magic[8];
	uint32_t run;   /* of this process, so that messages of others are not mistaken for ours */
	uint32_t index; /* of the probe */
};

struct probe {
	enum probe_protocol protocol;
	int netns;              /* the sender's namespace; -1: the current one */
	struct addr destination;
	uint16_t port;          /* host order; not for ICMP */
	uint16_t size;          /* bytes of a UDP or ICMP message; below a probe_message: exactly that */
	bool stranger;          /* TCP to a host that does not echo: a connection suffices */
	struct addr source;     /* the source that the server must see; all zero: any */
	/* the result */
	bool answered;
	char reason[96];        /* if not: "Connection refused", "no answer" … */
	/* for probe.c only */
	bool finished;
	int fd;
};

/* A server that echoes TCP and UDP at one address. */
struct probe_server {
	int fd[2];        /* by protocol; -1: not open */
	uint16_t port[2]; /* host order, chosen by the kernel */
};

/* Opens both sockets in @netns (-1: the current one). On failure nothing is open. */
int probe_server_open(struct probe_server *server, int netns, const struct addr *addr,
		      struct error *e);
void probe_server_close(struct probe_server *server);

/*
 * Sends all probes, a few hundred at a time, with retries, while the servers echo. 0 with each
 * probe's result in it, -EINTR if a signal handler set *@stop, else -errno.
 */
int probes_run(struct probe *probes, size_t count, struct probe_server *servers,
	       size_t server_count, const volatile sig_atomic_t *stop, struct error *e);

const char *probe_protocol_name(enum probe_protocol protocol); /* "tcp", "udp", "icmp" */

#endif

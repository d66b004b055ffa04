/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services of sockets (bpf/sockets.bpf.c): load-time configuration, and what a socket remembers.
 *
 * pp_sockets: the frontend that a socket was connected to. pp_peers: the frontends that an unconnected one sent
 * to last. Both are freed with the socket by the kernel.
 *
 * pp_affinity: session affinity. A client is the network namespace of its socket.
 */
#ifndef PP_SOCKETS_H
#define PP_SOCKETS_H

#include "maps/services.h"

#define AFFINITY_MAX 16384
#define PEERS 4 /* frontends that an unconnected socket remembers: a resolver has three servers */

struct sockets_config {
	__u64 netns_cookie; /* of the node */
	__u16 node_port_min, node_port_max;
	__u32 hostns_only;  /* bpf-lb-sock-hostns-only */
};

/* A frontend and the endpoint that stands for it; ports in host order. */
struct socket_peer {
	struct addr service, address;
	__u16 service_port, port;
	__u32 backend, generation; /* void once they differ from pp_backends */
};

struct socket_peers {
	struct socket_peer peer[PEERS];
	__u32 next; /* the one to replace */
	__u32 pad;
};

struct affinity_key {
	__u64 client;
	__u32 service;
	__u32 pad;
};

struct affinity {
	__u32 backend, generation;
	__u64 used; /* ns since boot */
};

#endif

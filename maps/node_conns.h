/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_node_conns: connections of the node itself that a pod's flow could be mistaken for: TCP and UDP
 * from a port of snat-port-range, echo requests, and protocols without ports. Keyed as the peer
 * answers, like pp_flow_rev. While an entry is current no pod can claim its key, so the node's
 * answers are the node's. An LRU: a lost entry comes back with the node's next packet. Only packets'
 * programs write it; `status` reads it.
 */
#ifndef PP_NODE_CONNS_H
#define PP_NODE_CONNS_H

#include "maps/flows.h"

#define NODE_CONNS_MAX 8192

/* clock units after the last packet for which an entry is current */
#define NODE_CONN_HOLD 600
/* and after the node's last refusal: a tunnel of the node that comes up is not long without its peer */
#define NODE_CONN_REFUSED_HOLD 10

enum node_conn_origin {
	NODE_CONN_SENT,      /* the node sent it */
	NODE_CONN_RECEIVED,  /* a packet without ports came for the node */
	NODE_CONN_REFUSED,   /* it came, and the node answered that nothing here takes it: pods may */
	NODE_CONN_FORWARDED, /* another NAT of the node sent it and a pod's flow gave way */
};

struct node_conn {
	__u32 expires;       /* clock units (maps/datapath.h): the last in which it is current */
	enum node_conn_origin origin;
};

#endif

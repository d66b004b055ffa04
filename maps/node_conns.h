/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_node_conns: connections of the node itself that could be confused with a flow of a pod: TCP
 * and UDP from a port of snat-port-range, echo requests, protocols without ports. Keyed by the
 * replies, like pp_flow_rev. Pods cannot claim the key of a current entry, so replies to the node
 * reach the node. An LRU: a lost entry returns with the node's next packet. Written only by packet
 * programs; read by `status`.
 */
#ifndef PP_NODE_CONNS_H
#define PP_NODE_CONNS_H

#include "maps/flows.h"

#define NODE_CONNS_MAX 8192

/* clock units for which an entry stays current after the last packet */
#define NODE_CONN_HOLD 600
/*
 * clock units after the node's last refusal: short, so that a tunnel of the node that comes up soon
 * gets its peer
 */
#define NODE_CONN_REFUSED_HOLD 10

enum node_conn_origin {
	NODE_CONN_SENT,      /* the node sent it */
	NODE_CONN_RECEIVED,  /* a packet without ports came for the node */
	NODE_CONN_REFUSED,   /* received, and the node reported that nothing uses it: pods may */
	NODE_CONN_FORWARDED, /* another NAT of the node sent it, and a flow of a pod was ended for it */
};

struct node_conn {
	__u32 expires;       /* clock units (maps/datapath.h): the last one in which it is current */
	enum node_conn_origin origin;
};

#endif

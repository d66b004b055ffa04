/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_nomasq: destinations that are never masqueraded, with the reason; derived from the options and
 * from the addresses of the node's interfaces. The lower of two reasons for one prefix wins.
 */
#ifndef PP_NOMASQ_H
#define PP_NOMASQ_H

#include "maps/cidrs.h"

#define NOMASQ_MAX 65536

enum nomasq_reason {
	NOMASQ_NONE,
	NOMASQ_OWN,       /* an address of this node */
	NOMASQ_BROADCAST, /* the broadcast address of a subnet of this node: no pod may send to it */
	NOMASQ_NATIVE,    /* ipv4-native-routing-cidr, ipv6-native-routing-cidr */
	NOMASQ_AGENT,     /* ip-masq-agent's nonMasqueradeCIDRs */
	NOMASQ_NODE,      /* a node's address, by its CiliumNode */
	NOMASQ_POD,       /* a block of the node or of another node */
};

struct nomasq {
	enum nomasq_reason reason;
};

#endif

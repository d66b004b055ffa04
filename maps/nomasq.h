/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_nomasq: destinations that are never masqueraded, with the reason; derived from the options. */
#ifndef PP_NOMASQ_H
#define PP_NOMASQ_H

#include "maps/cidrs.h"

#define NOMASQ_MAX 65536

enum nomasq_reason {
	NOMASQ_NONE,
	NOMASQ_NATIVE,  /* ipv4-native-routing-cidr, ipv6-native-routing-cidr */
	NOMASQ_AGENT,   /* ip-masq-agent's nonMasqueradeCIDRs */
	NOMASQ_NODE,    /* an address of a node of the cluster */
	NOMASQ_POD,     /* a block of the node or of another node */
};

struct nomasq {
	enum nomasq_reason reason;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that are dropped for every sender and destination. */
#ifndef PP_FILTER_BPF_H
#define PP_FILTER_BPF_H

#include "bpf/parse.bpf.h"
#include "maps/stats.h"

#define DHCP_SERVER 67
#define DHCP_CLIENT 68
#define DHCPV6_SERVER 547
#define DHCPV6_CLIENT 546
#define NO_DROP STATS_COUNT

/* Checks the message: a pod must not configure the host or other pods. */
static __always_inline enum stat filter_message(const struct packet *p)
{
	if (p->key.protocol == PROTOCOL_UDP) {
		if (p->key.source_port == DHCP_SERVER && p->key.destination_port == DHCP_CLIENT)
			return STAT_DHCP_SERVER;
		if (p->key.source_port == DHCPV6_SERVER && p->key.destination_port == DHCPV6_CLIENT)
			return STAT_DHCP_SERVER;
	} else if (p->key.protocol == PROTOCOL_ICMP) {
		if (p->icmp_type == ICMP_REDIRECT)
			return STAT_ICMP_REDIRECT;
	}
	return p->flags & PACKET_SOURCE_ROUTE ? STAT_SOURCE_ROUTE : NO_DROP;
}

static __always_inline enum stat filter_address(const struct addr *destination, enum family family)
{
	if (addr_is_multicast(destination, family))
		return STAT_MULTICAST;
	return addr_is_martian(destination, family) ? STAT_MARTIAN : NO_DROP;
}

/* Checks a destination that is not a pod: a default route would forward multicast. */
static __always_inline enum stat filter_destination(const struct packet *p)
{
	return filter_address(&p->key.destination, p->family);
}

#endif

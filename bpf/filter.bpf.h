/* SPDX-License-Identifier: GPL-2.0-only */
/* What a pod may not send, whoever it is and wherever it goes. */
#ifndef PP_FILTER_BPF_H
#define PP_FILTER_BPF_H

#include "bpf/parse.bpf.h"
#include "maps/stats.h"

#define DHCP_SERVER 67
#define DHCP_CLIENT 68
#define DHCPV6_SERVER 547
#define DHCPV6_CLIENT 546
#define NO_DROP STATS_COUNT

/* By message: the host and other pods must not be configured by a pod. */
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

/* By destination, once it is no pod's: the routing table would send multicast by the default route. */
static __always_inline enum stat filter_destination(const struct packet *p)
{
	return filter_address(&p->key.destination, p->family);
}

#endif

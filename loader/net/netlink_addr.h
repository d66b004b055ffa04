/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of maps/addr.h as netlink attributes: 4 bytes or 16, and AF_INET or AF_INET6. */
#ifndef PP_NETLINK_ADDR_H
#define PP_NETLINK_ADDR_H

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loader/base/prefix.h"

static inline int netlink_af(enum family family)
{
	return family == FAMILY_IPV4 ? AF_INET : AF_INET6;
}

static inline void netlink_put(struct nl_msg *msg, int type, const void *data, int size)
{
	if (nla_put(msg, type, size, data))
		abort(); /* netlink_request() has room for the largest message */
}

static inline void netlink_put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	netlink_put(msg, type, &value, sizeof(value));
}

static inline void netlink_put_addr(struct nl_msg *msg, int type, const struct addr *addr)
{
	int skip = addr_is_ipv4(addr) ? 12 : 0;

	netlink_put(msg, type, addr->byte + skip, 16 - skip);
}

/* 0, or -EINVAL if the attribute is not an address. */
static inline int netlink_get_addr(struct nlattr *a, struct addr *addr)
{
	*addr = (struct addr){ .byte = { [10] = 0xff, [11] = 0xff } };
	if (nla_len(a) == 4)
		memcpy(addr->byte + 12, nla_data(a), 4);
	else if (nla_len(a) == 16)
		memcpy(addr->byte, nla_data(a), 16);
	else
		return -EINVAL;
	return 0;
}

#endif

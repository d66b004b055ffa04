// SPDX-License-Identifier: GPL-2.0-only
/* Netlink requests described in words. */
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "loader/net/netlink.h"
#include "loader/net/netlink_addr.h"
#include "loader/base/prefix.h"

static const char *verb(int type)
{
	switch ((type - RTM_BASE) & 3) { /* the kernel numbers them NEW, DEL, GET, SET */
	case 0:
		return "add";
	case 1:
		return "remove";
	case 2:
		return "look up";
	default:
		return "change";
	}
}

static const char *address_text(const struct nlmsghdr *n, int header, int type,
				char text[ADDR_TEXT])
{
	struct nlattr *a = nlmsg_find_attr((struct nlmsghdr *)n, header, type);
	struct addr addr;

	if (!a || netlink_get_addr(a, &addr))
		return "default";
	return addr_format(&addr, text);
}

static void describe_link(const struct nlmsghdr *n, const char *mood, char text[NETLINK_TEXT])
{
	const struct ifinfomsg *h = nlmsg_data(n);
	struct nlattr *name = nlmsg_find_attr((struct nlmsghdr *)n, sizeof(*h), IFLA_IFNAME);

	if (name)
		snprintf(text, NETLINK_TEXT, "interface %s: %s%s it", nla_get_string(name), mood,
			 verb(n->nlmsg_type));
	else
		snprintf(text, NETLINK_TEXT, "interface %d: %s%s it", h->ifi_index,
			 mood, verb(n->nlmsg_type));
}

const char *netlink_describe(const struct nlmsghdr *n, const char *mood, char text[NETLINK_TEXT])
{
	char addr[ADDR_TEXT];

	switch (n->nlmsg_type) {
	case RTM_NEWLINK ... RTM_SETLINK:
		describe_link(n, mood, text);
		break;
	case RTM_NEWADDR ... RTM_GETADDR: {
		const struct ifaddrmsg *h = nlmsg_data(n);

		snprintf(text, NETLINK_TEXT, "address %s: %s%s it on interface %u",
			 address_text(n, sizeof(*h), IFA_LOCAL, addr), mood, verb(n->nlmsg_type),
			 h->ifa_index);
		break;
	}
	case RTM_NEWROUTE ... RTM_GETROUTE: {
		const struct rtmsg *h = nlmsg_data(n);

		snprintf(text, NETLINK_TEXT, "route %s/%u: %s%s it",
			 address_text(n, sizeof(*h), RTA_DST, addr), h->rtm_dst_len,
			 mood, verb(n->nlmsg_type));
		break;
	}
	case RTM_NEWNEIGH ... RTM_GETNEIGH: {
		const struct ndmsg *h = nlmsg_data(n);

		snprintf(text, NETLINK_TEXT, "neighbour %s: %s%s it on interface %d",
			 address_text(n, sizeof(*h), NDA_DST, addr), mood, verb(n->nlmsg_type),
			 h->ndm_ifindex);
		break;
	}
	case RTM_NEWQDISC ... RTM_GETTFILTER: {
		const struct tcmsg *h = nlmsg_data(n);

		snprintf(text, NETLINK_TEXT, "interface %d: %s%s its tc %s", h->tcm_ifindex,
			 mood, verb(n->nlmsg_type),
			 n->nlmsg_type < RTM_NEWTCLASS ? "qdisc clsact" : "filter");
		break;
	}
	case RTM_NEWRULE:
		snprintf(text, NETLINK_TEXT, "routing rule: %s%s it", mood, verb(n->nlmsg_type));
		break;
	default:
		snprintf(text, NETLINK_TEXT, "netlink request %d", n->nlmsg_type);
	}
	return text;
}

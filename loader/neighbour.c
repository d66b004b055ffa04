// SPDX-License-Identifier: GPL-2.0-only
/* Permanent neighbours. */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "loader/neighbour.h"
#include "loader/netlink_addr.h"

void neighbour_add(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		   const uint8_t mac[6])
{
	struct ndmsg h = {
		.ndm_family = netlink_af(addr_family(addr)),
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_PERMANENT,
	};
	struct nl_msg *msg = netlink_request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &h,
					     sizeof(h));

	netlink_put_addr(msg, NDA_DST, addr);
	netlink_put(msg, NDA_LLADDR, mac, 6);
	netlink_queue(nl, msg, TOLERATE_NONE);
}

static int compare(const struct nlmsghdr *answer, void *arg)
{
	const struct ndmsg *h = nlmsg_data(answer);
	struct nlattr *mac = nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(*h), NDA_LLADDR);

	return h->ndm_state & NUD_PERMANENT && mac && nla_len(mac) == 6 &&
	       !memcmp(nla_data(mac), arg, 6) ? 0 : -ENOENT;
}

int neighbour_check(struct netlink *nl, uint32_t ifindex, const struct addr *addr,
		    const uint8_t mac[6], struct error *e)
{
	struct ndmsg h = { .ndm_family = netlink_af(addr_family(addr)), .ndm_ifindex = ifindex };
	struct nl_msg *msg = netlink_request(RTM_GETNEIGH, 0, &h, sizeof(h));

	netlink_put_addr(msg, NDA_DST, addr);
	return netlink_ask(nl, msg, compare, (void *)mac, e);
}

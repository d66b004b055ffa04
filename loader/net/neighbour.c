// SPDX-License-Identifier: GPL-2.0-only
/* Permanent neighbours. */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "loader/base/memory.h"
#include "loader/net/neighbour.h"
#include "loader/net/netlink_addr.h"

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

struct neighbours {
	struct neighbour *list;
	size_t count;
};

static int collect(const struct nlmsghdr *answer, void *arg)
{
	const struct ndmsg *h = answer ? nlmsg_data(answer) : NULL;
	struct neighbours *all = arg;
	struct nlattr *a[NDA_MAX + 1];
	struct neighbour *n;

	if (!answer) {
		all->count = 0;
		return 0;
	}
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, NDA_MAX, NULL))
		return -EBADMSG;
	if (!(h->ndm_state & NUD_PERMANENT) || !a[NDA_DST] || !a[NDA_LLADDR] ||
	    nla_len(a[NDA_LLADDR]) != 6)
		return 0;
	all->list = xgrow(all->list, all->count, sizeof(*all->list));
	n = &all->list[all->count];
	n->ifindex = h->ndm_ifindex;
	memcpy(n->mac, nla_data(a[NDA_LLADDR]), 6);
	all->count += !netlink_get_addr(a[NDA_DST], &n->addr);
	return 0;
}

int neighbour_list(struct netlink *nl, struct neighbour **list, size_t *count, struct error *e)
{
	struct ndmsg h = {};
	struct nl_msg *msg = netlink_request(RTM_GETNEIGH, NLM_F_DUMP, &h, sizeof(h));
	struct neighbours all = {};
	int err = netlink_ask(nl, msg, collect, &all, e);

	if (err) {
		free(all.list);
		all = (struct neighbours){};
	}
	*list = all.list;
	*count = all.count;
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Addresses of network devices. */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "loader/base/memory.h"
#include "loader/net/address.h"
#include "loader/net/netlink_addr.h"

static struct nl_msg *address_request(int type, int flags, uint32_t ifindex,
				      const struct addr *addr)
{
	struct ifaddrmsg h = {
		.ifa_family = netlink_af(addr_family(addr)),
		.ifa_prefixlen = addr_is_ipv4(addr) ? 32 : 128,
		.ifa_index = ifindex,
	};
	struct nl_msg *msg = netlink_request(type, flags, &h, sizeof(h));

	netlink_put_addr(msg, IFA_LOCAL, addr);
	netlink_put_addr(msg, IFA_ADDRESS, addr);
	return msg;
}

void address_add(struct netlink *nl, uint32_t ifindex, const struct addr *addr)
{
	struct nl_msg *msg = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);

	netlink_put_u32(msg, IFA_FLAGS, IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	netlink_queue(nl, msg, TOLERATE_EXISTS);
}

struct addresses {
	struct address *list;
	size_t count;
};

static int collect(const struct nlmsghdr *answer, void *arg)
{
	struct addresses *all = arg;
	const struct ifaddrmsg *h;
	struct nlattr *a[IFA_MAX + 1], *own;
	struct address *address;

	if (!answer) {
		all->count = 0;
		return 0;
	}
	h = nlmsg_data(answer);
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, IFA_MAX, NULL))
		return -EBADMSG;
	/* On a point-to-point device IFA_ADDRESS is the peer's address. */
	own = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS];
	if (!own)
		return 0;
	all->list = xgrow(all->list, all->count, sizeof(*all->list));
	address = &all->list[all->count++];
	*address = (struct address){
		.ifindex = h->ifa_index,
		.length = prefix_length(h->ifa_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6,
					h->ifa_prefixlen),
		.flags = a[IFA_FLAGS] ? nla_get_u32(a[IFA_FLAGS]) : h->ifa_flags,
		.scope = h->ifa_scope,
	};
	return netlink_get_addr(own, &address->addr);
}

static int list(struct netlink *nl, const struct ifaddrmsg *filter, struct address **list, size_t *count,
		struct error *e)
{
	struct addresses all = {};
	int err = netlink_ask(nl, netlink_request(RTM_GETADDR, NLM_F_DUMP, filter, sizeof(*filter)), collect,
			      &all, e);

	if (err) {
		free(all.list);
		all = (struct addresses){};
	}
	*list = all.list;
	*count = all.count;
	return err;
}

int address_list(struct netlink *nl, struct address **all, size_t *count, struct error *e)
{
	return list(nl, &(struct ifaddrmsg){}, all, count, e);
}

int address_find(struct netlink *nl, uint32_t ifindex, const struct addr *addr, bool *found, struct error *e)
{
	const struct ifaddrmsg filter = { .ifa_family = netlink_af(addr_family(addr)), .ifa_index = ifindex };
	struct address *all;
	size_t count;
	int err = list(nl, &filter, &all, &count, e);

	*found = false;
	for (size_t i = 0; i < count; i++)
		*found |= all[i].ifindex == ifindex && !addr_compare(&all[i].addr, addr);
	free(all);
	return err;
}

const struct address *address_primary(const struct address *list, size_t count, uint32_t ifindex,
				      enum family family)
{
	/* for IPv6 IFA_F_SECONDARY is the same bit as IFA_F_TEMPORARY */
	const uint32_t unfit = IFA_F_SECONDARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE |
			       IFA_F_DADFAILED;

	for (const struct address *a = list; a < list + count; a++)
		if (a->ifindex == ifindex && addr_family(&a->addr) == family &&
		    a->scope < RT_SCOPE_LINK && !(a->flags & unfit))
			return a;
	return NULL;
}

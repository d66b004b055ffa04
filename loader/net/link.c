// SPDX-License-Identifier: GPL-2.0-only
/* Network devices: veth pairs in one message, lookups, changes. */
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "loader/base/memory.h"
#include "loader/net/link.h"
#include "loader/net/netlink_addr.h"

/* Statistics are most of an answer and unused here. */
#define SKIP_STATS RTEXT_FILTER_SKIP_STATS

static void copy_text(char *to, size_t size, struct nlattr *a)
{
	if (a)
		nla_strlcpy(to, a, size);
}

static void parse_kind(struct link *link, struct nlattr *info)
{
	if (info)
		copy_text(link->kind, sizeof(link->kind), nla_find(nla_data(info), nla_len(info),
								   IFLA_INFO_KIND));
}

static bool parse_xdp(struct nlattr *xdp)
{
	struct nlattr *attached = xdp ? nla_find(nla_data(xdp), nla_len(xdp), IFLA_XDP_ATTACHED) : NULL;

	return attached && nla_get_u8(attached) != XDP_ATTACHED_NONE;
}

static int parse_link(const struct nlmsghdr *answer, struct link *link)
{
	const struct ifinfomsg *h = nlmsg_data(answer);
	struct nlattr *a[IFLA_MAX + 1];

	if (answer->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, IFLA_MAX, NULL))
		return -EBADMSG;
	*link = (struct link){ .ifindex = h->ifi_index, .type = h->ifi_type,
			      .up = h->ifi_flags & IFF_UP, .peer_netns = -1 };
	copy_text(link->name, sizeof(link->name), a[IFLA_IFNAME]);
	copy_text(link->alias, sizeof(link->alias), a[IFLA_IFALIAS]);
	copy_text(link->qdisc, sizeof(link->qdisc), a[IFLA_QDISC]);
	parse_kind(link, a[IFLA_LINKINFO]);
	link->xdp = parse_xdp(a[IFLA_XDP]);
	if (a[IFLA_MTU])
		link->mtu = nla_get_u32(a[IFLA_MTU]);
	if (a[IFLA_LINK])
		link->peer = nla_get_u32(a[IFLA_LINK]);
	if (a[IFLA_LINK_NETNSID])
		link->peer_netns = nla_get_s32(a[IFLA_LINK_NETNSID]);
	if (a[IFLA_ADDRESS] && nla_len(a[IFLA_ADDRESS]) == sizeof(link->mac))
		memcpy(link->mac, nla_data(a[IFLA_ADDRESS]), sizeof(link->mac));
	return 0;
}

static int take_link(const struct nlmsghdr *answer, void *arg)
{
	return answer ? parse_link(answer, arg) : 0;
}

int link_get(struct netlink *nl, const char *name, uint32_t ifindex, struct link *link,
	     struct error *e)
{
	struct ifinfomsg h = { .ifi_index = name ? 0 : ifindex };
	struct nl_msg *msg = netlink_request(RTM_GETLINK, 0, &h, sizeof(h));

	link->ifindex = 0;
	if (name)
		netlink_put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	netlink_put_u32(msg, IFLA_EXT_MASK, SKIP_STATS);
	return netlink_ask(nl, msg, take_link, link, e);
}

int link_get_peer(struct netlink *nl, const struct link *link, struct link *peer, struct error *e)
{
	struct ifinfomsg h = { .ifi_index = link->peer };
	struct nl_msg *msg = netlink_request(RTM_GETLINK, 0, &h, sizeof(h));

	peer->ifindex = 0;
	if (link->peer_netns >= 0)
		netlink_put_u32(msg, IFLA_TARGET_NETNSID, link->peer_netns);
	netlink_put_u32(msg, IFLA_EXT_MASK, SKIP_STATS);
	return netlink_ask(nl, msg, take_link, peer, e);
}

struct links {
	struct link *list;
	size_t count;
};

static int collect_link(const struct nlmsghdr *answer, void *arg)
{
	struct links *links = arg;

	if (!answer) {
		links->count = 0;
		return 0;
	}
	links->list = xgrow(links->list, links->count, sizeof(*links->list));
	return parse_link(answer, &links->list[links->count++]);
}

int link_list(struct netlink *nl, const char *kind, struct link **list, size_t *count,
	      struct error *e)
{
	struct ifinfomsg h = {};
	struct nl_msg *msg = netlink_request(RTM_GETLINK, NLM_F_DUMP, &h, sizeof(h));
	struct links links = {};
	struct nlattr *info;
	int err;

	netlink_put_u32(msg, IFLA_EXT_MASK, SKIP_STATS);
	if (kind) {
		info = nla_nest_start(msg, IFLA_LINKINFO);
		netlink_put(msg, IFLA_INFO_KIND, kind, strlen(kind) + 1);
		nla_nest_end(msg, info);
	}
	err = netlink_ask(nl, msg, collect_link, &links, e);
	if (err) {
		free(links.list);
		links = (struct links){};
	}
	*list = links.list;
	*count = links.count;
	return err;
}

bool link_name(const struct netlink *nl, uint32_t ifindex, char name[IFNAMSIZ])
{
	struct ifreq request = { .ifr_ifindex = ifindex };

	if (ioctl(netlink_fd(nl), SIOCGIFNAME, &request))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}

bool link_mac_mtu(int fd, const char *name, uint8_t mac[6], uint32_t *mtu)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return false;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFMTU, &request))
		return false;
	*mtu = request.ifr_mtu;
	return true;
}

struct indexes {
	uint32_t *list;
	size_t count;
};

static int collect_index(const struct nlmsghdr *answer, void *arg)
{
	struct indexes *all = arg;
	struct nlattr *index;

	if (!answer) {
		all->count = 0;
		return 0;
	}
	index = nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(struct netconfmsg), NETCONFA_IFINDEX);
	/* The defaults of new devices and the settings of all have negative ones. */
	if (!index || nla_get_s32(index) <= 0)
		return 0;
	all->list = xgrow(all->list, all->count, sizeof(*all->list));
	all->list[all->count++] = nla_get_s32(index);
	return 0;
}

/* Each device has IPv4 settings: one with an MTU below 68 bytes, which has none, is no pod's or uplink. */
int link_indexes(struct netlink *nl, uint32_t **list, size_t *count, struct error *e)
{
	struct netconfmsg h = { .ncm_family = AF_INET };
	struct indexes all = {};
	int err = netlink_ask(nl, netlink_request(RTM_GETNETCONF, NLM_F_DUMP, &h, sizeof(h)), collect_index,
			      &all, e);

	if (err) {
		free(all.list);
		all = (struct indexes){};
	}
	*list = all.list;
	*count = all.count;
	return err;
}

static void put_end(struct nl_msg *msg, const char *name, const uint8_t mac[6], uint32_t mtu)
{
	netlink_put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	if (mac)
		netlink_put(msg, IFLA_ADDRESS, mac, 6);
	if (mtu)
		netlink_put_u32(msg, IFLA_MTU, mtu);
}

static struct nl_msg *veth_request(const struct veth *veth)
{
	struct ifinfomsg h = {}, peer = {};
	struct nl_msg *msg = netlink_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
	struct nlattr *info, *data, *end;

	put_end(msg, veth->name, veth->mac, veth->mtu);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	netlink_put(msg, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	end = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, &peer, sizeof(peer), NLMSG_ALIGNTO);
	put_end(msg, veth->peer_name, veth->peer_mac, veth->mtu);
	netlink_put_u32(msg, IFLA_NET_NS_FD, veth->peer_netns);
	nla_nest_end(msg, end);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

int link_create_veth(struct netlink *nl, const struct veth *veth, struct link *link,
		     struct error *e)
{
	int err = netlink_flush(nl, e), found;

	if (err)
		return err;
	netlink_queue(nl, veth_request(veth), TOLERATE_NONE);
	/* Queued with the request above, so both go out in one system call. */
	found = link_get(nl, veth->name, 0, link, NULL);
	err = netlink_flush(nl, e);
	if (err)
		return err;
	return found ? error_set(e, found, "interface %s: removed right after its creation; try again",
				 veth->name) : 0;
}

static void put_families(struct nl_msg *msg, const struct link_change *change)
{
	struct nlattr *families = nla_nest_start(msg, IFLA_AF_SPEC), *family, *conf;
	uint8_t none = IN6_ADDR_GEN_MODE_NONE;

	if (change->no_rp_filter) {
		family = nla_nest_start(msg, AF_INET);
		conf = nla_nest_start(msg, IFLA_INET_CONF);
		netlink_put_u32(msg, IPV4_DEVCONF_RP_FILTER, 0);
		nla_nest_end(msg, conf);
		nla_nest_end(msg, family);
	}
	if (change->no_ipv6_link_local) {
		family = nla_nest_start(msg, AF_INET6);
		netlink_put(msg, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
		nla_nest_end(msg, family);
	}
	nla_nest_end(msg, families);
}

void link_set(struct netlink *nl, uint32_t ifindex, const struct link_change *change)
{
	struct ifinfomsg h = { .ifi_index = ifindex };
	struct nl_msg *msg;

	if (change->up)
		h.ifi_flags = h.ifi_change = IFF_UP;
	msg = netlink_request(RTM_SETLINK, 0, &h, sizeof(h));
	if (change->mtu)
		netlink_put_u32(msg, IFLA_MTU, change->mtu);
	/* The alias has no NUL: its 255 bytes may be used completely. */
	if (change->alias)
		netlink_put(msg, IFLA_IFALIAS, change->alias, strlen(change->alias));
	if (change->no_rp_filter || change->no_ipv6_link_local)
		put_families(msg, change);
	netlink_queue(nl, msg, TOLERATE_NONE);
}

void link_delete(struct netlink *nl, uint32_t ifindex)
{
	struct ifinfomsg h = { .ifi_index = ifindex };

	netlink_queue(nl, netlink_request(RTM_DELLINK, 0, &h, sizeof(h)), TOLERATE_MISSING);
}

bool link_has_pod_name(const char *name)
{
	return !strncmp(name, "pp", 2) && strlen(name) == 15 && strspn(name + 2, "0123456789abcdef") == 13;
}

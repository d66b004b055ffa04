// SPDX-License-Identifier: GPL-2.0-only
/* Addresses that no pod may get, collected from the kernel's routes and the CiliumNodes. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/excluded.h"
#include "loader/base/memory.h"
#include "loader/net/netlink_addr.h"
#include "loader/net/link.h"
#include "loader/net/route.h"

static void append(struct exclusions *x, enum exclusion_kind kind, const struct prefix *prefix,
		   uint32_t ifindex, const char *node)
{
	bool full = x->count == x->room;

	/* Each link has fe80::/64, and no pool can be there. */
	if (prefix->addr.byte[0] == 0xfe && (prefix->addr.byte[1] & 0xc0) == 0x80)
		return;
	/* A table of a million routes has only a few next hops. */
	if (full)
		excluded_sort(x);
	if (full && x->count >= x->room / 2) {
		x->room = x->room ? 2 * x->room : 64;
		x->list = xrealloc(x->list, x->room * sizeof(*x->list));
	}
	x->list[x->count++] = (struct exclusion){ *prefix, kind, ifindex, node };
}

struct dump {
	struct exclusions x;
	uint32_t ifindex; /* the device that was looked up last, */
	bool is_pod_link; /* and whether a pod is behind it */
};

/* A pod may be a router: its own address stays available although routes use it as next hop. */
static bool is_pod_link(struct dump *d, uint32_t ifindex)
{
	char name[IFNAMSIZ];

	if (ifindex != d->ifindex)
		d->is_pod_link = if_indextoname(ifindex, name) && link_has_pod_name(name);
	d->ifindex = ifindex;
	return d->is_pod_link;
}

static void append_hop(struct dump *d, struct nlattr *gateway, struct nlattr *via, uint32_t ifindex)
{
	struct prefix hop = { .length = 128 };

	/* RTA_VIA has two bytes of family before the address, which may be of the other family */
	if (via && nla_len(via) == 18)
		memcpy(hop.addr.byte, (const char *)nla_data(via) + 2, 16);
	else if (!gateway || netlink_get_addr(gateway, &hop.addr))
		return;
	if (!is_pod_link(d, ifindex))
		append(&d->x, EXCLUDED_NEXT_HOP, &hop, ifindex, NULL);
}

static void append_multipath(struct dump *d, struct nlattr *multipath)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		struct nlattr *first = (struct nlattr *)RTNH_DATA(hop);
		int size = hop->rtnh_len - sizeof(*hop);

		append_hop(d, nla_find(first, size, RTA_GATEWAY), nla_find(first, size, RTA_VIA),
			   hop->rtnh_ifindex);
	}
}

static bool is_connected(const struct rtmsg *h, struct nlattr *const a[RTA_MAX + 1])
{
	return h->rtm_type == RTN_UNICAST && a[RTA_OIF] && h->rtm_dst_len && !a[RTA_GATEWAY] &&
	       !a[RTA_VIA] && !a[RTA_MULTIPATH] &&
	       (h->rtm_protocol == RTPROT_KERNEL || h->rtm_protocol == RTPROT_RA);
}

static int collect(const struct nlmsghdr *answer, void *arg)
{
	struct nlattr *a[RTA_MAX + 1];
	struct dump *d = arg;
	const struct rtmsg *h;
	struct prefix to;
	uint32_t ifindex;

	if (!answer) {
		d->x.count = 0;
		return 0;
	}
	h = nlmsg_data(answer);
	/* ours are as many as the cluster has blocks; their gateways are addresses of CiliumNodes */
	if (h->rtm_protocol == ROUTE_PROTOCOL)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, RTA_MAX, NULL))
		return -EBADMSG;
	to.length = prefix_length(h->rtm_family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6,
				  h->rtm_dst_len);
	if (!a[RTA_DST] || netlink_get_addr(a[RTA_DST], &to.addr))
		to.addr = (struct addr){ .byte = { [10] = 0xff, [11] = 0xff } };
	ifindex = a[RTA_OIF] ? nla_get_u32(a[RTA_OIF]) : 0;
	if (h->rtm_type == RTN_LOCAL)
		append(&d->x, EXCLUDED_LOCAL, &to, ifindex, NULL);
	else if (is_connected(h, a))
		append(&d->x, EXCLUDED_SUBNET, &to, ifindex, NULL);
	append_hop(d, a[RTA_GATEWAY], a[RTA_VIA], ifindex);
	if (a[RTA_MULTIPATH])
		append_multipath(d, a[RTA_MULTIPATH]);
	return 0;
}

static int by_family(struct netlink *nl, int family, struct exclusions *x, struct error *e)
{
	struct rtmsg h = { .rtm_family = family };
	struct dump part = {};
	int err = netlink_ask(nl, netlink_request(RTM_GETROUTE, NLM_F_DUMP, &h, sizeof(h)), collect,
			      &part, e);

	/* A kernel without IPv6 fails here. */
	if (err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
		err = 0;
	for (size_t i = 0; i < part.x.count && !err; i++)
		append(x, part.x.list[i].kind, &part.x.list[i].prefix, part.x.list[i].ifindex, NULL);
	excluded_free(&part.x);
	return err;
}

int excluded_by_routes(struct netlink *nl, struct exclusions *x, struct error *e)
{
	int err = by_family(nl, AF_INET, x, e);

	return err ? err : by_family(nl, AF_INET6, x, e);
}

void excluded_add(struct exclusions *x, enum exclusion_kind kind, const struct prefix *prefix,
		  const char *node)
{
	append(x, kind, prefix, 0, node);
}

void excluded_by_node(const json_t *ciliumnode, struct exclusions *x)
{
	const json_t *list = json_object_get(json_object_get(ciliumnode, "spec"), "addresses"), *entry;
	const char *name = json_string_value(
		json_object_get(json_object_get(ciliumnode, "metadata"), "name"));
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *type = json_string_value(json_object_get(entry, "type"));
		const char *ip = json_string_value(json_object_get(entry, "ip"));
		struct prefix prefix = { .length = 128 };

		/* Cilium allocates the CiliumInternalIP from a pod block of that node. */
		if (!ip || addr_parse(ip, &prefix.addr) || (type && !strcmp(type, "CiliumInternalIP")))
			continue;
		append(x, EXCLUDED_NODE, &prefix, 0, name);
	}
}

static int compare(const void *a, const void *b)
{
	const struct exclusion *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix) ?: (int)x->kind - (int)y->kind;
}

void excluded_sort(struct exclusions *x)
{
	size_t kept = 0;

	if (x->count)
		qsort(x->list, x->count, sizeof(*x->list), compare);
	for (size_t i = 0; i < x->count; i++)
		if (!kept || !prefix_equal(&x->list[kept - 1].prefix, &x->list[i].prefix))
			x->list[kept++] = x->list[i];
	x->count = kept;
}

void excluded_free(struct exclusions *x)
{
	free(x->list);
	*x = (struct exclusions){};
}

const struct exclusion *excluded_find(const struct exclusions *x, const struct prefix *prefix)
{
	const struct exclusion *subnet = NULL;

	for (size_t i = 0; i < x->count; i++) {
		if (!prefix_overlaps(&x->list[i].prefix, prefix))
			continue;
		if (x->list[i].kind != EXCLUDED_SUBNET)
			return &x->list[i];
		subnet = subnet ? subnet : &x->list[i];
	}
	return subnet;
}

const char *exclusion_text(const struct exclusion *x, char text[EXCLUSION_TEXT])
{
	static const char *const what[] = {
		[EXCLUDED_LOCAL] = "the node's own address",
		[EXCLUDED_NEXT_HOP] = "next hop",
		[EXCLUDED_NODE] = "address",
		[EXCLUDED_SUBNET] = "connected subnet",
	};
	char prefix[PREFIX_TEXT], device[IFNAMSIZ] = "?";

	prefix_format(&x->prefix, prefix);
	if (x->prefix.length == 128)
		addr_format(&x->prefix.addr, prefix);
	if (x->ifindex)
		if_indextoname(x->ifindex, device);
	if (x->kind == EXCLUDED_NODE)
		snprintf(text, EXCLUSION_TEXT, "%s %s of CiliumNode \"%s\"", what[x->kind], prefix,
			 x->node);
	else
		snprintf(text, EXCLUSION_TEXT, "%s %s of %s", what[x->kind], prefix, device);
	return text;
}

static int note_type(const struct nlmsghdr *answer, void *arg)
{
	const struct rtmsg *h = answer ? nlmsg_data(answer) : NULL;
	struct nlattr *a[RTA_MAX + 1];
	bool *suspect = arg;

	*suspect = false;
	if (!h || nlmsg_parse((struct nlmsghdr *)answer, sizeof(*h), a, RTA_MAX, NULL))
		return 0;
	*suspect = h->rtm_type == RTN_LOCAL || h->rtm_type == RTN_BROADCAST ||
		   h->rtm_type == RTN_ANYCAST ||
		   (h->rtm_type == RTN_UNICAST && h->rtm_protocol != ROUTE_PROTOCOL && !a[RTA_GATEWAY] &&
		    !a[RTA_VIA]);
	return 0;
}

bool excluded_suspect(struct netlink *nl, const struct addr *addr)
{
	struct rtmsg h = {
		.rtm_family = netlink_af(addr_family(addr)),
		.rtm_dst_len = addr_is_ipv4(addr) ? 32 : 128,
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	struct nl_msg *msg = netlink_request(RTM_GETROUTE, 0, &h, sizeof(h));
	bool suspect = false;

	netlink_put_addr(msg, RTA_DST, addr);
	/* An unreachable route, the expected answer, is reported as an error. */
	return !netlink_ask(nl, msg, note_type, &suspect, NULL) && suspect;
}

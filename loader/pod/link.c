// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates and removes a pod's interface in three round trips: the pair, the host's end, the pod's
 * end. The pod's end comes up last, so no packet leaves it before the checking program is attached.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/net/neighbour.h"
#include "loader/net/netns.h"
#include "loader/pod/link.h"
#include "loader/net/routes.h"
#include "loader/pod/route.h"
#include "loader/net/route.h"
#include "loader/net/sysctl.h"
#include "loader/net/tc.h"

/* The same for all pods: a pod's neighbour entry of its gateway stays valid after a restore. */
static const uint8_t host_mac[6] = { 0x02, 0x70, 0x00, 0x00, 0x00, 0x01 };

#define LO_IFINDEX 1

void pod_link_mac(uint32_t slot, uint8_t mac[6])
{
	const uint8_t bytes[6] = { 0x02, 0x70, 0x70, slot >> 16, slot >> 8, slot };

	memcpy(mac, bytes, sizeof(bytes));
}

static uint64_t fnv1a(uint64_t hash, const char *text)
{
	/* The NUL counts: "a", "bc" is not "ab", "c". */
	do {
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	} while (*text++);
	return hash;
}

void pod_link_name(const char *owner, const char *ifname, char name[IFNAMSIZ])
{
	uint64_t hash = fnv1a(fnv1a(0xcbf29ce484222325, owner), ifname);

	snprintf(name, IFNAMSIZ, "pp%013llx", (unsigned long long)(hash >> 12));
}

enum pod_link_kind pod_link_kind(const struct link *link, struct pod_alias *who)
{
	*who = (struct pod_alias){};
	if (strcmp(link->kind, "veth"))
		return POD_LINK_FOREIGN;
	if (pod_alias_parse(link->alias, who))
		return POD_LINK_COMPLETE;
	if (!*link->alias && !strncmp(link->name, "pp", 2) &&
	    !memcmp(link->mac, host_mac, sizeof(host_mac)))
		return POD_LINK_PARTIAL;
	return POD_LINK_FOREIGN;
}

/* Whether @link is the interface of this owner; a partial one has only its name. */
static bool is_of(const struct link *link, const char *owner, const char *ifname,
		  struct pod_alias *who)
{
	char name[IFNAMSIZ], mine[LINK_ALIAS];
	struct pod_alias expected = {};

	switch (pod_link_kind(link, who)) {
	case POD_LINK_COMPLETE:
		/* The alias may contain a truncated owner. */
		snprintf(expected.owner.id, sizeof(expected.owner.id), "%s", owner);
		snprintf(expected.owner.ifname, sizeof(expected.owner.ifname), "%s", ifname);
		pod_alias_format(&expected, mine);
		pod_alias_parse(mine, &expected);
		return !memcmp(&expected.owner, &who->owner, sizeof(expected.owner));
	case POD_LINK_PARTIAL:
		pod_link_name(owner, ifname, name);
		return !strcmp(link->name, name);
	default:
		return false;
	}
}

/* Whether the far end of @link is the interface of @spec, in its namespace. */
static bool is_same_pair(const struct pod_link *spec, const struct link *link)
{
	struct netlink *pod = NULL;
	struct link end = {};
	bool same;

	same = !netlink_open(&pod, spec->netns, NULL) &&
	       !link_get(pod, spec->who.owner.ifname, 0, &end, NULL) && !strcmp(end.kind, "veth") &&
	       end.peer == link->ifindex && link->peer == end.ifindex &&
	       !memcmp(end.mac, spec->mac, sizeof(end.mac));
	netlink_close(pod);
	return same;
}

/* Handles an existing device named @link->name. 0: it is the interface of @spec; 1: removed, retry. */
static int resolve_conflict(struct netlink *nl, const struct pod_link *spec, const struct link *link,
		  struct error *e)
{
	const struct lease_owner *owner = &spec->who.owner;
	struct pod_alias who;
	int err;

	if (!link->ifindex)
		return error_set(e, -EEXIST,
				 "interface %s: the pod has one already; choose another name",
				 owner->ifname);
	if (!is_of(link, owner->id, owner->ifname, &who))
		return error_set(e, -EEXIST, "interface %s: not made by pinpool for %s; remove it",
				 link->name, owner->id);
	if (who.generation == spec->who.generation && *link->alias && is_same_pair(spec, link))
		return 0;
	link_delete(nl, link->ifindex);
	err = netlink_flush(nl, e);
	return err ? err : 1;
}

static int make_pair(struct netlink *nl, const struct pod_link *spec, struct link *link,
		     bool *created, struct error *e)
{
	char name[IFNAMSIZ];
	const struct veth veth = {
		.name = name,
		.peer_name = spec->who.owner.ifname,
		.peer_netns = spec->netns,
		.mac = host_mac,
		.peer_mac = spec->mac,
		.mtu = spec->mtu,
	};
	int err;

	pod_link_name(spec->who.owner.id, spec->who.owner.ifname, name);
	err = link_create_veth(nl, &veth, link, e);
	if (err == -EEXIST) {
		err = resolve_conflict(nl, spec, link, e);
		if (err <= 0)
			return err;
		err = link_create_veth(nl, &veth, link, e);
	}
	*created = !err;
	return err;
}

static int write_sysctl(const char *ifname, const char *key, const char *value, struct error *e)
{
	char name[SYSCTL_NAME];
	int err;

	snprintf(name, sizeof(name), "net/ipv6/conf/%s/%s", ifname, key);
	err = sysctl_set(name, value, NULL, e);
	/* The kernel has no IPv6. */
	return err == -ENOENT ? 0 : err < 0 ? err : 0;
}

static bool has_ipv6(const struct pod_link *spec)
{
	return !addr_is_zero(&spec->ip[FAMILY_IPV6]);
}

/*
 * The host's end of a pod without IPv6 has none: each of its link-local addresses and multicast
 * routes would slow down all changes of IPv6 in this namespace.
 */
static int write_host_sysctls(const struct pod_link *spec, const char *ifname, struct error *e)
{
	int err = write_sysctl(ifname, "accept_ra", "0", e);

	return err ? err : write_sysctl(ifname, "disable_ipv6", has_ipv6(spec) ? "0" : "1", e);
}

/* Its applications may use IPv6 among themselves whether we give an address or not. */
static int write_pod_sysctls(const struct pod_link *spec, struct error *e)
{
	const char *ifname = spec->who.owner.ifname;
	int err = write_sysctl(ifname, "accept_ra", "0", e);

	if (!err && has_ipv6(spec))
		err = write_sysctl(ifname, "disable_ipv6", "0", e);
	/* Without this its link-local address would be tentative for a second. */
	return err ? err : write_sysctl(ifname, "accept_dad", "0", e);
}

static int configure_host_end(struct netlink *nl, const struct pod_link *spec, const struct link *link,
		      bool created, struct error *e)
{
	char alias[LINK_ALIAS];
	const struct link_change up = { .up = true }, change = {
		.mtu = spec->mtu,
		.alias = alias,
		.no_rp_filter = true,
		.no_ipv6_link_local = has_ipv6(spec),
	};
	int err = write_host_sysctls(spec, link->name, e);

	if (err)
		return err;
	if (spec->program >= 0 && created && spec->shaped)
		err = tc_attach_shaped_pod(nl, link->ifindex, spec->program, e);
	else if (spec->program >= 0 && created)
		tc_attach_pod(nl, link->ifindex, spec->program);
	else if (spec->program >= 0)
		tc_update_pod(nl, link->ifindex, spec->program);
	if (err)
		return err;
	pod_alias_format(&spec->who, alias);
	/* A change after it came up, without a carrier, would walk all IPv6 routes of the host once more. */
	link_set(nl, link->ifindex, &change);
	link_set(nl, link->ifindex, &up);
	for (int family = 0; family < FAMILIES; family++) {
		struct route route = route_endpoint(link->ifindex, &spec->ip[family],
						    spec->is_block[family]);

		if (addr_is_zero(&spec->ip[family]))
			continue;
		neighbour_add(nl, link->ifindex, &spec->ip[family], spec->mac);
		if (spec->endpoint_routes)
			route_replace(nl, &route);
	}
	return netlink_flush(nl, e);
}

struct visit {
	const struct pod_link *spec;
	struct netlink **pod;
	struct error *error;
};

/* Runs in the pod's namespace. */
static int prepare_pod(void *arg)
{
	struct visit *visit = arg;
	int err = write_pod_sysctls(visit->spec, visit->error);

	return err ? err : netlink_open(visit->pod, -1, visit->error);
}

static int configure_pod_end(const struct pod_link *spec, uint32_t ifindex, struct error *e)
{
	const struct link_change up = { .up = true }, change = { .up = true, .mtu = spec->mtu };
	struct netlink *pod = NULL;
	struct visit visit = { .spec = spec, .pod = &pod, .error = e };
	struct addr gateway;
	int err = netns_call(spec->netns, prepare_pod, &visit);

	if (err)
		return err;
	/* A pod reaches itself through lo, which may be down in a new namespace. */
	link_set(pod, LO_IFINDEX, &up);
	link_set(pod, ifindex, &change);
	for (int family = 0; family < FAMILIES; family++) {
		if (addr_is_zero(&spec->ip[family]))
			continue;
		gateway = pod_route_gateway(family);
		address_add(pod, ifindex, &spec->ip[family]);
		neighbour_add(pod, ifindex, &gateway, host_mac);
	}
	err = pod_route_defaults(pod, ifindex, spec->ip, e);
	netlink_close(pod);
	return err;
}

int pod_link_create(struct netlink *nl, const struct pod_link *spec, struct pod_link_made *made,
		    struct error *e)
{
	struct link link = {};
	bool created = false;
	int err = make_pair(nl, spec, &link, &created, e);

	if (err)
		return err;
	err = configure_host_end(nl, spec, &link, created, e);
	if (!err)
		err = configure_pod_end(spec, link.peer, e);
	if (err) {
		if (created) {
			link_delete(nl, link.ifindex);
			netlink_flush(nl, NULL);
		}
		return error_wrap(e, err, "pod interface %s", spec->who.owner.ifname);
	}
	/* A query makes the kernel (6.8 and later) process the carrier, so the next packet passes. */
	link_get(nl, NULL, link.ifindex, &link, NULL);
	*made = (struct pod_link_made){
		.ifindex = link.ifindex,
		.created = created,
	};
	memcpy(made->name, link.name, sizeof(made->name));
	memcpy(made->mac, spec->mac, sizeof(made->mac));
	memcpy(made->host_mac, host_mac, sizeof(made->host_mac));
	return 0;
}

static int delete_if_of(struct netlink *nl, const char *owner, const char *ifname,
			const struct link *link, struct error *e)
{
	struct pod_alias who;

	if (!is_of(link, owner, ifname, &who))
		return 0;
	link_delete(nl, link->ifindex);
	return netlink_flush(nl, e);
}

int pod_link_delete(struct netlink *nl, const char *owner, const char *ifname, uint32_t ifindex,
		    struct error *e)
{
	char name[IFNAMSIZ];
	struct link link;
	int err;

	pod_link_name(owner, ifname, name);
	err = link_get(nl, name, 0, &link, e);
	if (!err)
		err = delete_if_of(nl, owner, ifname, &link, e);
	if ((err && err != -ENODEV) || !ifindex || link.ifindex == ifindex)
		return err == -ENODEV ? 0 : err;
	/* The interface was renamed. */
	err = link_get(nl, NULL, ifindex, &link, e);
	if (!err)
		err = delete_if_of(nl, owner, ifname, &link, e);
	return err == -ENODEV ? 0 : err;
}

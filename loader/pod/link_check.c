// SPDX-License-Identifier: GPL-2.0-only
/* A pod's interface compared with pod_link_create()'s work. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/net/address.h"
#include "loader/net/neighbour.h"
#include "loader/pod/link.h"
#include "loader/net/route.h"
#include "loader/net/tc.h"

static int missing(struct error *e, const struct link *link, const char *what)
{
	return error_set(e, -ENOENT, "pod interface %s: %s; remove the pod and add it again",
			 link->name, what);
}

/* Others may change it, and gc follows. */
static int changed(struct error *e, const struct link *link, const char *what)
{
	return error_set(e, -ENOENT,
			 "pod interface %s: the pod's end has another %s; run 'pinpool gc --all' to follow it",
			 link->name, what);
}

static int check_program(struct netlink *nl, const struct link *link, int program, struct error *e)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	uint32_t id;
	int err = tc_pod_program(nl, link->ifindex, &id, e);

	if (err)
		return err;
	if (!id)
		return missing(e, link, "its program is detached");
	err = bpf_obj_get_info_by_fd(program, &info, &size);
	if (err)
		return error_set(e, err, "pod interface %s: cannot read our program's id: %s",
				 link->name, strerror(-err));
	return info.id == id ? 0 : missing(e, link, "a foreign program has replaced ours");
}

static int check_endpoint(struct netlink *nl, const struct link *link, const struct addr *ip,
			  struct error *e)
{
	struct route route;
	int err = route_lookup(nl, ip, &route, NULL);

	if (!err && route.to.length == 128 && route.ifindex == link->ifindex)
		return 0;
	return error_set(e, -ENOENT,
			 "pod interface %s: the host's route to it is missing; run 'pinpool gc'",
			 link->name);
}

static int check_host(struct netlink *nl, const struct pod_link *spec, uint32_t ifindex,
		      struct link *link, struct error *e)
{
	struct pod_alias who;
	int err = link_get(nl, NULL, ifindex, link, NULL);

	if (err == -ENODEV)
		return error_set(e, -ENOENT,
				 "pod interface %u: gone; remove the pod and add it again", ifindex);
	if (err)
		return error_set(e, err, "pod interface %u: %s", ifindex, strerror(-err));
	if (pod_link_kind(link, &who) != POD_LINK_COMPLETE ||
	    strcmp(who.owner.ifname, spec->who.owner.ifname) ||
	    who.generation != spec->who.generation)
		return missing(e, link, "the host's end is not this pod's");
	if (!link->up)
		return missing(e, link, "the host's end is down");
	err = spec->program >= 0 ? check_program(nl, link, spec->program, e) : 0;
	for (int family = 0; family < FAMILIES && !err; family++) {
		const struct addr *ip = &spec->ip[family];

		if (addr_is_zero(ip))
			continue;
		if (neighbour_check(nl, ifindex, ip, spec->mac, NULL))
			return missing(e, link, "the host's neighbour entry for it is missing");
		if (spec->endpoint_routes)
			err = check_endpoint(nl, link, ip, e);
	}
	return err;
}

static bool has_address(const struct address *list, size_t count, uint32_t ifindex,
			const struct addr *ip)
{
	for (const struct address *a = list; a < list + count; a++)
		if (a->ifindex == ifindex && !addr_compare(&a->addr, ip))
			return true;
	return false;
}

static bool has_default(const struct route *list, size_t count, uint32_t ifindex,
			enum family family)
{
	for (const struct route *r = list; r < list + count; r++)
		if (!prefix_bits(&r->to) && prefix_family(&r->to) == family &&
		    r->ifindex == ifindex)
			return true;
	return false;
}

static int check_family(struct netlink *pod, const struct link *host, const struct link *end,
			const struct addr *ip, struct error *e)
{
	struct addr gateway = pod_route_gateway(addr_family(ip));
	struct address *addresses = NULL;
	struct route *routes = NULL;
	size_t address_count, route_count;
	int err = address_list(pod, &addresses, &address_count, e);

	if (!err)
		err = route_list(pod, 0, 0, &routes, &route_count, e);
	if (err)
		goto out;
	if (!has_address(addresses, address_count, end->ifindex, ip))
		err = missing(e, host, "the pod lacks its address");
	else if (!has_default(routes, route_count, end->ifindex, addr_family(ip)))
		err = missing(e, host, "the pod lacks its default route");
	else if (neighbour_check(pod, end->ifindex, &gateway, host->mac, NULL))
		err = missing(e, host, "the pod lacks the neighbour entry of its gateway");
out:
	free(addresses);
	free(routes);
	return err;
}

static int check_pod(const struct pod_link *spec, const struct link *host, struct error *e)
{
	struct netlink *pod;
	struct link end;
	int err = netlink_open(&pod, spec->netns, e);

	if (err)
		return err;
	if (link_get(pod, spec->who.owner.ifname, 0, &end, NULL) || end.ifindex != host->peer ||
	    end.peer != host->ifindex)
		err = missing(e, host, "the pod's end is not in the pod under its name");
	else if (!end.up)
		err = missing(e, host, "the pod's end is down");
	else if (memcmp(end.mac, spec->mac, sizeof(end.mac)))
		err = changed(e, host, "MAC address");
	else if (spec->mtu && end.mtu != spec->mtu)
		err = changed(e, host, "MTU");
	for (int family = 0; family < FAMILIES && !err; family++)
		if (!addr_is_zero(&spec->ip[family]))
			err = check_family(pod, host, &end, &spec->ip[family], e);
	netlink_close(pod);
	return err;
}

int pod_link_check(struct netlink *nl, const struct pod_link *spec, uint32_t ifindex,
		   struct error *e)
{
	struct link host;
	int err = check_host(nl, spec, ifindex, &host, e);

	return !err && spec->netns >= 0 ? check_pod(spec, &host, e) : err;
}

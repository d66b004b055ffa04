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

static int check_host(struct netlink *nl, const struct pod_link *spec, const struct link *link,
		      struct error *e)
{
	struct pod_alias who;
	int err;

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
		if (neighbour_check(nl, link->ifindex, ip, spec->mac, NULL))
			return missing(e, link, "the host's neighbour entry for it is missing");
		if (spec->endpoint_routes)
			err = check_endpoint(nl, link, ip, e);
	}
	return err;
}

static int check_family(struct netlink *pod, const struct link *host, const struct link *end,
			const struct addr *ip, struct error *e)
{
	struct addr gateway = pod_route_gateway(addr_family(ip));
	bool found;
	int err = address_find(pod, end->ifindex, ip, &found, e);

	if (err)
		return err;
	if (!found)
		return missing(e, host, "the pod lacks its address");
	err = route_find_default(pod, end->ifindex, addr_family(ip), &found, e);
	if (err)
		return err;
	if (!found)
		return missing(e, host, "the pod lacks its default route");
	if (neighbour_check(pod, end->ifindex, &gateway, host->mac, NULL))
		return missing(e, host, "the pod lacks the neighbour entry of its gateway");
	return 0;
}

/* @end: no ifindex if the pod has no interface of that name. */
static int check_pod(struct netlink *pod, const struct pod_link *spec, const struct link *host,
		     const struct link *end, struct error *e)
{
	int err = 0;

	if (!end->ifindex || end->ifindex != host->peer || end->peer != host->ifindex)
		return missing(e, host, "the pod's end is not in the pod under its name");
	if (!end->up)
		return missing(e, host, "the pod's end is down");
	if (memcmp(end->mac, spec->mac, sizeof(end->mac)))
		return changed(e, host, "MAC address");
	if (spec->mtu && end->mtu != spec->mtu)
		return changed(e, host, "MTU");
	for (int family = 0; family < FAMILIES && !err; family++)
		if (!addr_is_zero(&spec->ip[family]))
			err = check_family(pod, host, end, &spec->ip[family], e);
	return err;
}

static int get_host(struct netlink *nl, uint32_t ifindex, struct link *host, struct error *e)
{
	int err = link_get(nl, NULL, ifindex, host, NULL);

	if (err == -ENODEV)
		return error_set(e, -ENOENT,
				 "pod interface %u: gone; remove the pod and add it again", ifindex);
	return err ? error_set(e, err, "pod interface %u: %s", ifindex, strerror(-err)) : 0;
}

int pod_link_check(struct netlink *nl, const struct pod_link *spec, uint32_t ifindex,
		   struct error *e)
{
	struct link host = {}, end = {};
	struct netlink *pod = NULL;
	int err = spec->netns >= 0 ? netlink_open(&pod, spec->netns, e) : 0;

	if (err)
		return err;
	/* From the pod's namespace, which knows few others, the kernel finds both ends at once. */
	if (!pod || link_get(pod, spec->who.owner.ifname, 0, &end, NULL) || !end.peer ||
	    link_get_peer(pod, &end, &host, NULL) || host.ifindex != ifindex)
		err = get_host(nl, ifindex, &host, e);
	if (!err)
		err = check_host(nl, spec, &host, e);
	if (!err && pod)
		err = check_pod(pod, spec, &host, &end, e);
	netlink_close(pod);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/* A pod's interface from its lease. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/net/neighbour.h"
#include "loader/net/netns.h"
#include "loader/pod/restore.h"
#include "loader/net/route.h" /* addr_is_zero */
#include "loader/net/tc.h"

void pod_spec(struct context *node, const struct lease_entry *l, const struct pod *pod,
	      int netns, int program, struct pod_link *spec)
{
	static const uint8_t unknown[6];

	memset(spec, 0, sizeof(*spec));
	spec->who.owner = l->owner;
	spec->who.generation = l->lease.generation;
	memcpy(spec->who.namespace, l->lease.namespace, sizeof(spec->who.namespace));
	memcpy(spec->who.pod, l->lease.pod, sizeof(spec->who.pod));
	spec->netns = netns;
	spec->program = program;
	spec->mtu = pod->mtu ? pod->mtu : node->config.mtu;
	spec->endpoint_routes = node->config.endpoint_routes;
	spec->shaped = pod->flags & POD_SHAPED;
	if (memcmp(pod->mac, unknown, sizeof(unknown)))
		memcpy(spec->mac, pod->mac, sizeof(spec->mac));
	else
		pod_link_mac(l->lease.slot, spec->mac);
	for (int f = 0; f < FAMILIES; f++) {
		if (!l->lease.ip[f].block)
			continue;
		spec->ip[f] = l->lease.ip[f].address;
		spec->is_block[f] = ipam_is_block(&node->pins, &l->lease.ip[f]);
	}
}

static int publish(struct context *node, const struct lease_entry *l, const struct pod_link *spec,
		   const struct pod_link_made *made, uint32_t flags, struct error *e)
{
	struct bind_request request = { .owner = l->owner,
					.generation = l->lease.generation,
					.ifindex = made->ifindex,
					.mtu = spec->mtu,
					.flags = flags };
	struct txn txn;
	int err;

	memcpy(request.host_ifname, made->name, sizeof(made->name));
	memcpy(request.mac, made->mac, sizeof(request.mac));
	memcpy(request.host_mac, made->host_mac, sizeof(request.host_mac));
	err = ipam_run(&node->pins, PROG_BIND, &request, &txn, e);
	if (!err && txn.error)
		err = error_set(e, -ECANCELED,
				"%s: its lease cannot be published (%d); remove the pod",
				l->owner.id, txn.error);
	return err;
}

/* Without the pod's namespace only the host's end can be repaired. */
static int find_host_end(struct netlink *nl, const struct lease_entry *l,
			 const struct pod_link *spec, struct pod_link_made *made, struct error *e)
{
	struct pod_alias who;
	struct link link;
	int err = link_get(nl, NULL, l->lease.ifindex, &link, e);

	if (err)
		return err;
	if (pod_link_kind(&link, &who) != POD_LINK_COMPLETE || who.generation != l->lease.generation)
		return error_set(e, -ENOENT, "%s: interface %u is not the pod's", l->owner.id,
				 l->lease.ifindex);
	tc_update_pod(nl, link.ifindex, spec->program);
	for (int f = 0; f < FAMILIES; f++)
		if (!addr_is_zero(&spec->ip[f]))
			neighbour_add(nl, link.ifindex, &spec->ip[f], spec->mac);
	*made = (struct pod_link_made){ .ifindex = link.ifindex };
	memcpy(made->name, link.name, sizeof(made->name));
	memcpy(made->mac, spec->mac, sizeof(made->mac));
	memcpy(made->host_mac, link.mac, sizeof(made->host_mac));
	return netlink_flush(nl, e);
}

int pod_restore(struct context *node, struct netlink *nl, const struct lease_entry *l,
		const struct pod *pod, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), netns, err;
	struct pod_link_made made;
	struct pod_link spec;

	if (program < 0)
		return pins_error(&node->pins, "pp_pod_entry", program, e);
	netns = l->lease.netns[0] ? netns_open(l->lease.netns, NULL) : -ENOENT;
	pod_spec(node, l, pod, netns, program, &spec);
	if (netns >= 0) {
		err = pod_link_create(nl, &spec, &made, e);
		close(netns);
	} else {
		err = find_host_end(nl, l, &spec, &made, e);
	}
	return err ? err : publish(node, l, &spec, &made, pod->flags, e);
}

// SPDX-License-Identifier: GPL-2.0-only
/* CHECK: compares a pod with ADD's work, in the maps, on the host and in its namespace. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/cni/result.h"
#include "loader/cni/session.h"
#include "loader/ipam/transactions.h"
#include "loader/pod/follow.h"
#include "loader/pod/link.h"
#include "loader/base/prefix.h"
#include "loader/net/route.h" /* addr_is_zero() */
#include "maps/pods.h"

static enum cni_code damaged(const struct cni_request *r, const char *what, struct error *e)
{
	return error_set(e, CNI_DAMAGED, "%s %s: %s; remove the pod and add it again", r->container,
			 r->ifname, what);
}

/* Compares ADD's result with the lease. */
static enum cni_code check_previous(const struct cni_request *r, const struct lease *lease,
				    const struct pod *pod, struct error *e)
{
	static const uint8_t zero_mac[6];
	struct cni_previous p;
	char text[ADDR_TEXT];
	enum cni_code code = cni_previous_parse(r, &p, e);

	if (code)
		return code;
	for (int f = 0; f < FAMILIES; f++)
		if (!addr_is_zero(&p.ip[f]) && addr_compare(&p.ip[f], &lease->ip[f].address))
			return error_set(e, CNI_DAMAGED,
					 "%s %s: prevResult has %s and the lease another address; remove the pod and add it again",
					 r->container, r->ifname, addr_format(&p.ip[f], text));
	if (memcmp(p.mac, zero_mac, sizeof(p.mac)) && memcmp(p.mac, pod->mac, sizeof(p.mac)))
		return damaged(r, "prevResult has another MAC address than the pod", e);
	return CNI_OK;
}

/* Checks the datapath's maps: the slot, and its addresses. */
static enum cni_code check_maps(struct cni_session *s, const struct cni_request *r,
				const struct lease *lease, struct pod *pod, struct error *e)
{
	int pods = pins_map(&s->node.pins, PIN_PODS), ips = pins_map(&s->node.pins, PIN_POD_IPS);
	struct pod_ip to;

	if (pods < 0 || ips < 0)
		return damaged(r, "a pin of its maps is missing", e);
	if (lease->state != LEASE_BOUND)
		return damaged(r, "it was never completed", e);
	if (bpf_map_lookup_elem(pods, &lease->slot, pod) || pod->state != POD_READY ||
	    pod->generation != lease->generation || pod->ifindex != lease->ifindex)
		return damaged(r, "it is not published", e);
	for (int f = 0; f < FAMILIES; f++)
		if (lease->ip[f].block && (bpf_map_lookup_elem(ips, &lease->ip[f].address, &to) ||
					   to.slot != lease->slot ||
					   to.generation != lease->generation))
			return damaged(r, "an address of it is not published", e);
	return CNI_OK;
}

static enum cni_code check_link(struct cni_session *s, const struct lease_owner *owner,
				const struct lease *lease, const struct pod *pod, int netns,
				struct error *e)
{
	struct pod_link spec = {
		.who = { .owner = *owner, .generation = lease->generation },
		.netns = netns,
		.mtu = pod->mtu,
		.endpoint_routes = s->node.config.endpoint_routes,
		.program = pins_prog(&s->node.pins, PROG_POD_ENTRY),
	};

	if (spec.program < 0) {
		pins_error(&s->node.pins, pinned_prog_names[PROG_POD_ENTRY], spec.program, e);
		return CNI_DAMAGED;
	}
	memcpy(spec.mac, pod->mac, sizeof(spec.mac));
	for (int f = 0; f < FAMILIES; f++)
		spec.ip[f] = lease->ip[f].address;

	return pod_link_check(s->nl, &spec, lease->ifindex, e) ? CNI_DAMAGED : CNI_OK;
}

static enum cni_code check(struct cni_session *s, const struct cni_request *r, int netns,
			   struct error *e)
{
	struct lease_entry l = { .owner = cni_owner(r) };
	struct pod pod;
	enum cni_code code;
	int err = ipam_lease_read(&s->node.pins, &l.owner, &l.lease);

	if (err)
		return error_set(e, CNI_CONTAINER_UNKNOWN,
				 "%s %s: has no addresses here; remove the pod and add it again",
				 r->container, r->ifname);
	code = check_maps(s, r, &l.lease, &pod, e);
	/* Changes by later plugins since ADD are valid, and prevResult has them. */
	if (!code && pod_follow(&s->node, s->nl, &l, &pod, e) < 0)
		code = CNI_DAMAGED;
	if (!code)
		code = check_previous(r, &l.lease, &pod, e);
	return code ? code : check_link(s, &l.owner, &l.lease, &pod, netns, e);
}

enum cni_code cni_check(const struct cni_request *r, struct error *e)
{
	struct cni_session s;
	enum cni_code code;
	int netns = cni_open_netns(r, &code, e), err;

	if (netns < 0)
		return code;
	err = cni_open(&s, r, e);
	if (err)
		code = err == -ENOENT ? CNI_NODE_NOT_UP : cni_code_of(err);
	else
		code = check(&s, r, netns, e);
	cni_close(&s);
	close(netns);
	return code;
}

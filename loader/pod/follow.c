// SPDX-License-Identifier: GPL-2.0-only
/* The program, MAC, MTU and rate limits of pods' interfaces after changes by others. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loader/net/link.h"
#include "loader/net/neighbour.h"
#include "loader/net/netns.h"
#include "loader/net/tc.h"
#include "loader/pod/follow.h"
#include "loader/pod/link_list.h"
#include "loader/net/route.h" /* addr_is_zero */

#define FOLLOW_A_RUN 256 /* old pods, and as many new ones: some 10 ms */
#define FOLLOW_YOUNG 120 /* seconds; plugins after ours have run by then */

/* Reads both ends of the pod's interface; false: not ready, gone, or replaced by another device. */
static bool find_ends(struct netlink *nl, const struct lease_entry *l, const struct pod *pod,
		      struct link *host, struct link *end)
{
	struct pod_alias who;

	return pod->state == POD_READY && pod->generation == l->lease.generation &&
	       pod->ifindex == l->lease.ifindex &&
	       !link_get(nl, NULL, l->lease.ifindex, host, NULL) &&
	       pod_link_kind(host, &who) == POD_LINK_COMPLETE &&
	       who.generation == l->lease.generation && host->peer &&
	       !link_get_peer(nl, host, end, NULL) && end->peer == host->ifindex &&
	       !strcmp(end->kind, "veth");
}

/* A veth has no queue of its own: any other qdisc limits the pod's receiving rate. */
static bool is_limited(const struct link *host)
{
	return host->qdisc[0] && strcmp(host->qdisc, "noqueue");
}

static int publish(struct context *node, const struct lease_entry *l, const struct pod *pod,
		   struct error *e)
{
	struct bind_request request = { .owner = l->owner,
					.generation = l->lease.generation,
					.ifindex = l->lease.ifindex,
					.mtu = pod->mtu,
					.flags = pod->flags };
	struct txn txn;

	memcpy(request.host_ifname, l->lease.host_ifname, sizeof(request.host_ifname));
	memcpy(request.mac, pod->mac, sizeof(request.mac));
	memcpy(request.host_mac, pod->host_mac, sizeof(request.host_mac));
	/* A lease that was released meanwhile needs nothing any more. */
	return ipam_run(&node->pins, PROG_BIND, &request, &txn, e);
}

/* The name may have been reused by another namespace: this one must have the other end of our veth. */
static bool has_end(struct netlink *nl, const struct link *end)
{
	struct link here;

	return !link_get(nl, NULL, end->ifindex, &here, NULL) && here.peer == end->peer &&
	       !strcmp(here.kind, "veth") && !memcmp(here.mac, end->mac, sizeof(here.mac));
}

/* A link that was down, such as for a new MAC, has lost its permanent neighbours. */
static int restore_gateways(const struct lease_entry *l, const struct pod *pod,
			    const struct link *end, struct error *e)
{
	int netns = l->lease.netns[0] ? netns_open(l->lease.netns, NULL) : -1, err;
	struct netlink *nl = NULL;
	struct addr gateway;

	/* If its namespace has no name, the pod asks by ARP or ND, and pp_from_pod answers. */
	if (netns < 0)
		return 0;
	err = netlink_open(&nl, netns, e);
	for (int f = 0; !err && f < FAMILIES && has_end(nl, end); f++) {
		if (addr_is_zero(&pod->ip[f]))
			continue;
		gateway = pod_route_gateway(f);
		neighbour_add(nl, end->ifindex, &gateway, pod->host_mac);
	}
	if (!err)
		err = netlink_flush(nl, e);
	netlink_close(nl);
	close(netns);
	return err;
}

static int follow_mac(struct netlink *nl, const struct lease_entry *l, struct pod *pod,
		      const struct link *end, struct error *e)
{
	memcpy(pod->mac, end->mac, sizeof(pod->mac));
	for (int f = 0; f < FAMILIES; f++)
		if (l->lease.ip[f].block)
			neighbour_add(nl, l->lease.ifindex, &l->lease.ip[f].address, end->mac);
	return restore_gateways(l, pod, end, e);
}

static int attach_filter(struct netlink *nl, uint32_t ifindex, int program, struct error *e)
{
	tc_attach_pod(nl, ifindex, program);
	return netlink_flush(nl, e);
}

/* Without our program the pod could send as anybody. 1: attached again, 0: nothing to do, or -errno. */
static int follow_program(struct context *node, struct netlink *nl, const struct pod *pod, struct error *e)
{
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), err;
	uint32_t id;

	if (program < 0)
		return pins_error(&node->pins, "pp_pod_entry", program, e);
	if (tc_pod_program(nl, pod->ifindex, &id, NULL) || id)
		return 0;
	if (pod->flags & POD_SHAPED)
		err = tc_attach_shaped_pod(nl, pod->ifindex, program, e);
	else
		err = attach_filter(nl, pod->ifindex, program, e);
	return err == -ENODEV ? 0 : err ? err : 1;
}

static int follow_link(struct context *node, struct netlink *nl, const struct lease_entry *l,
		       struct pod *pod, const struct link *host, const struct link *end, struct error *e)
{
	bool mac = memcmp(end->mac, pod->mac, sizeof(end->mac));
	bool mtu = end->mtu != host->mtu || (pod->mtu && end->mtu != pod->mtu);
	bool limited = is_limited(host) && !(pod->flags & POD_SHAPED);
	struct link_change change = {};
	int err = 0;

	if (!mac && !mtu && !limited)
		return 0;
	if (mac)
		err = follow_mac(nl, l, pod, end, e);
	if (mtu) {
		/* Packets above this MTU get their ICMP error here and are not lost between the ends. */
		change.mtu = pod->mtu = end->mtu;
		link_set(nl, host->ifindex, &change);
	}
	if (limited)
		pod->flags |= POD_SHAPED;
	if (!err)
		err = netlink_flush(nl, e);
	if (err == -ENODEV)
		return 0;
	if (!err)
		err = publish(node, l, pod, e);
	return err ? err : 1;
}

int pod_follow(struct context *node, struct netlink *nl, const struct lease_entry *l, struct pod *pod,
	       struct error *e)
{
	struct link host, end;

	return find_ends(nl, l, pod, &host, &end) ? follow_link(node, nl, l, pod, &host, &end, e) : 0;
}

struct end {
	const char *name;
	uint8_t mac[6];
	uint32_t mtu;
};

/* Runs in the pod's namespace. */
static int read_end(void *arg)
{
	struct end *end = arg;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && link_mac_mtu(fd, end->name, end->mac, &end->mtu);

	if (fd >= 0)
		close(fd);
	return found ? 0 : -ENODEV;
}

/* A cheap look: no query of a veth (net/link.h). */
static bool is_as_recorded(struct netlink *nl, const struct lease_entry *l, const struct pod *pod)
{
	struct end host = { .name = l->lease.host_ifname }, end = { .name = l->owner.ifname };
	int netns, err;

	if (pod->state != POD_READY || pod->generation != l->lease.generation ||
	    pod->ifindex != l->lease.ifindex || !pod_link_exists(nl, l) ||
	    !link_mac_mtu(netlink_fd(nl), host.name, host.mac, &host.mtu) || host.mtu != pod->mtu)
		return false;
	netns = netns_open(l->lease.netns, NULL);
	if (netns < 0)
		return false;
	err = netns_call(netns, read_end, &end);
	close(netns);
	return !err && !memcmp(end.mac, pod->mac, sizeof(end.mac)) && end.mtu == pod->mtu &&
	       (pod->flags & POD_SHAPED || !tc_has_queue(nl, pod->ifindex));
}

static int follow(struct context *node, struct netlink *nl, const struct lease_entry *l, struct error *e)
{
	struct link host, end;
	struct pod pod;
	int err;

	if (l->lease.state != LEASE_BOUND ||
	    bpf_map_lookup_elem(pins_map(&node->pins, PIN_PODS), &l->lease.slot, &pod))
		return 0;
	if (is_as_recorded(nl, l, &pod))
		return follow_program(node, nl, &pod, e);
	if (!find_ends(nl, l, &pod, &host, &end))
		return 0;
	err = follow_program(node, nl, &pod, e);
	return err < 0 ? err : follow_link(node, nl, l, &pod, &host, &end, e);
}

int pod_follow_all(struct context *node, struct netlink *nl, struct error *e)
{
	struct lease_entry *leases;
	size_t count;
	int first = ipam_leases(&node->pins, &leases, &count, e);

	for (size_t i = 0; i < count; i++) {
		int err = follow(node, nl, &leases[i], first ? NULL : e);

		first = first_error(first, err < 0 ? err : 0);
	}
	free(leases);
	return first;
}

int pod_follow_some(struct context *node, struct netlink *nl, const struct lease_entry *leases, size_t count,
		    struct error *e)
{
	uint64_t now = time(NULL);
	size_t from = count ? now / 60 * FOLLOW_A_RUN % count : 0, young = 0;
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		bool due = (i + count - from) % count < FOLLOW_A_RUN;
		int err;

		if (!due && (leases[i].lease.created + FOLLOW_YOUNG < now || young++ >= FOLLOW_A_RUN))
			continue;
		err = follow(node, nl, &leases[i], first ? NULL : e);
		first = first_error(first, err < 0 ? err : 0);
	}
	return first;
}

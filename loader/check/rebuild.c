// SPDX-License-Identifier: GPL-2.0-only
/* Leases from the interfaces of pods, for the day on which the pins were removed by hand. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/check/audit_parts.h"
#include "loader/net/neighbour.h"
#include "loader/net/netns.h"
#include "loader/pod/link.h"
#include "loader/pod/link_list.h"

#define NO_BLOCK 0xffffffff /* no block holds the address yet: audit_fix() finds or makes one */

struct rebuild {
	struct context *node;
	struct netlink *nl;
	struct state s;
	struct neighbour *neighbours;
	size_t neighbour_count;
};

/* The block that holds the address, or at least the pool that has it in a CIDR. */
static bool find_home(const struct rebuild *r, struct lease_ip *ip)
{
	const struct block_entry *block = state_block_of(&r->s, &ip->address);
	enum family f = addr_family(&ip->address);
	const struct pool_cidr_entry *cidrs;
	size_t count;

	ip->block = block ? block->id : NO_BLOCK;
	ip->pool = block ? block->block.pool : 0;
	for (size_t i = 0; i < r->s.pool_count && !ip->pool; i++) {
		cidrs = state_cidrs(&r->s, &r->s.pools[i], f, &count);
		for (size_t c = 0; c < count; c++)
			if (prefix_contains(&cidrs[c].cidr.cidr, &ip->address))
				ip->pool = r->s.pools[i].id;
	}
	return block || ip->pool;
}

/*
 * The slot that the pod's MAC carries if it is free or still this pod's, else any; NO_SLOT:
 * none.
 */
static uint32_t choose_slot(const struct rebuild *r, const uint8_t mac[6], uint32_t generation)
{
	uint32_t slot = mac[3] << 16 | mac[4] << 8 | mac[5];
	int fd = pins_map(&r->node->pins, PIN_PODS);
	uint8_t ours[6];
	struct pod pod;

	pod_link_mac(slot, ours);
	if (!memcmp(mac, ours, sizeof(ours)) && slot < PODS_MAX &&
	    !bpf_map_lookup_elem(fd, &slot, &pod) &&
	    (pod.state == POD_FREE || pod.generation == generation))
		return slot;
	for (slot = 0; slot < PODS_MAX; slot++)
		if (!bpf_map_lookup_elem(fd, &slot, &pod) && pod.state == POD_FREE)
			return slot;
	return NO_SLOT;
}

/* `attach` names the owner after the namespace; names that others gave it are lost. */
static void guess_netns(const struct pod_link_entry *link, struct lease *lease)
{
	int netns = netns_open(link->alias.owner.id, NULL);
	struct netlink *pod;
	struct link end;

	if (netns < 0)
		return;
	if (!netlink_open(&pod, netns, NULL)) {
		if (!link_get(pod, link->alias.owner.ifname, 0, &end, NULL) &&
		    end.peer == link->ifindex)
			snprintf(lease->netns, sizeof(lease->netns), "%s", link->alias.owner.id);
		netlink_close(pod);
	}
	close(netns);
}

/* The lease that @link tells of; false if it tells no address of ours. */
static bool make_lease(const struct rebuild *r, const struct pod_link_entry *link,
		       const struct link *host, struct lease *lease, struct pod *pod)
{
	memset(lease, 0, sizeof(*lease));
	*pod = (struct pod){ .state = POD_READY,
			     .ifindex = link->ifindex,
			     .mtu = host->mtu,
			     .generation = link->alias.generation };
	for (size_t i = 0; i < r->neighbour_count; i++) {
		const struct neighbour *n = &r->neighbours[i];
		enum family f = addr_family(&n->addr);
		struct lease_ip ip = { .address = n->addr };

		if (n->ifindex != link->ifindex || !find_home(r, &ip))
			continue;
		lease->ip[f] = ip;
		pod->ip[f] = ip.address;
		pod->pool[f] = ip.pool;
		memcpy(pod->mac, n->mac, sizeof(pod->mac));
	}
	if (!lease->ip[FAMILY_IPV4].block && !lease->ip[FAMILY_IPV6].block)
		return false;
	lease->state = LEASE_BOUND;
	lease->generation = link->alias.generation;
	lease->slot = choose_slot(r, pod->mac, lease->generation);
	lease->created = time(NULL);
	lease->ifindex = link->ifindex;
	memcpy(lease->host_ifname, link->name, sizeof(link->name));
	memcpy(lease->namespace, link->alias.namespace, sizeof(lease->namespace));
	memcpy(lease->pod, link->alias.pod, sizeof(lease->pod));
	memcpy(pod->host_mac, host->mac, sizeof(pod->host_mac));
	/* whether it has host ports or rate limits is lost: this way is right for every pod */
	pod->flags = POD_BY_STACK | POD_SHAPED;
	guess_netns(link, lease);
	return lease->slot != NO_SLOT;
}

/* The lease last: killed before, its slot is found to be nobody's and freed. */
static int write_lease(const struct rebuild *r, const struct lease_owner *owner,
		       const struct lease *lease, const struct pod *pod, struct error *e)
{
	const struct pod_ip value = { .slot = lease->slot, .generation = lease->generation };
	struct pins *pins = &r->node->pins;
	int err = bpf_map_update_elem(pins_map(pins, PIN_PODS), &lease->slot, pod, BPF_ANY);

	for (int f = 0; f < FAMILIES && !err; f++)
		if (lease->ip[f].block)
			err = bpf_map_update_elem(pins_map(pins, PIN_POD_IPS),
						  &lease->ip[f].address, &value, BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(pins_map(pins, PIN_LEASES), owner, lease, BPF_NOEXIST);
	return err ? error_set(e, -errno, "%s: cannot write its lease: %s", owner->id,
			       strerror(errno))
		   : 0;
}

static int rebuild_one(const struct rebuild *r, const struct pod_link_entry *link, size_t *count,
		       struct error *e)
{
	struct lease lease;
	struct link host;
	struct pod pod;
	int err;

	if (link->kind != POD_LINK_COMPLETE ||
	    !ipam_lease_read(&r->node->pins, &link->alias.owner, &lease) ||
	    link_get(r->nl, NULL, link->ifindex, &host, NULL) ||
	    !make_lease(r, link, &host, &lease, &pod))
		return 0;
	err = write_lease(r, &link->alias.owner, &lease, &pod, e);
	*count += !err;
	return err;
}

int audit_rebuild(struct context *node, struct netlink *nl, size_t *count, struct error *e)
{
	struct rebuild r = { .node = node, .nl = nl };
	struct pod_link_entry *links = NULL;
	size_t link_count = 0;
	int err = pod_link_list(nl, &links, &link_count, e);

	*count = 0;
	if (!err)
		err = neighbour_list(nl, &r.neighbours, &r.neighbour_count, e);
	if (!err)
		err = state_read(node, STATE_POOLS | STATE_CIDRS | STATE_BLOCKS, &r.s, e);
	for (size_t i = 0; i < link_count && !err; i++)
		err = rebuild_one(&r, &links[i], count, e);
	state_free(&r.s);
	free(r.neighbours);
	free(links);
	return err;
}

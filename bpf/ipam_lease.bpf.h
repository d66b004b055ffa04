/* SPDX-License-Identifier: GPL-2.0-only */
/* Leases: created, bound to an interface, dying, released. */
#ifndef PP_IPAM_LEASE_BPF_H
#define PP_IPAM_LEASE_BPF_H

#include "bpf/ipam_block.bpf.h"
#include "maps/demand.bpf.h"
#include "maps/ipam.bpf.h"
#include "maps/leases.bpf.h"
#include "maps/pending.bpf.h"
#include "maps/pod_ips.bpf.h"
#include "maps/pods.bpf.h"
#include "maps/txn.h"

/* One of each suffices: transactions are serialized. */
static struct lease_request lease_request;
static struct bind_request bind_request;
static struct owner_request owner_request;
static struct pending_key pending_key;

static __always_inline void txn_answer(struct txn *txn, const struct lease *lease)
{
	txn->state = lease->state;
	txn->generation = lease->generation;
	txn->slot = lease->slot;
	txn->ifindex = lease->ifindex;
	txn->ip[FAMILY_IPV4] = lease->ip[FAMILY_IPV4];
	txn->ip[FAMILY_IPV6] = lease->ip[FAMILY_IPV6];
}

/* Ends the demand of a pod that was served. */
static __always_inline void pending_forget(const struct lease_request *r)
{
	const struct lease *lease = &r->lease;

	__builtin_memset(&pending_key, 0, sizeof(pending_key));
	if (lease->namespace[0] && lease->pod[0]) {
		__builtin_memcpy(pending_key.namespace, lease->namespace, sizeof(lease->namespace));
		__builtin_memcpy(pending_key.name, lease->pod, sizeof(lease->pod));
	} else {
		__builtin_memcpy(pending_key.name, r->owner.id, sizeof(r->owner.id));
	}
	__builtin_memcpy(pending_key.ifname, r->owner.ifname, sizeof(r->owner.ifname));
	pending_key.family = FAMILY_IPV4;
	bpf_map_delete_elem(&pp_pending, &pending_key);
	pending_key.family = FAMILY_IPV6;
	bpf_map_delete_elem(&pp_pending, &pending_key);
}

static long slot_search(__u32 i, void *data)
{
	__u32 *slot = data;
	struct pod *pod;

	if (*slot >= PODS_MAX)
		*slot = 0;
	pod = bpf_map_lookup_elem(&pp_pods, slot);
	if (pod && pod->state == POD_FREE)
		return 1;
	*slot += 1;
	return 0;
}

static __always_inline struct pod *slot_find(const struct ipam *ipam, struct lease *lease)
{
	__u32 slot = ipam->slot_cursor;
	struct pod *pod;

	bpf_loop(PODS_MAX, slot_search, &slot, 0);
	pod = bpf_map_lookup_elem(&pp_pods, &slot);
	if (!pod || pod->state != POD_FREE)
		return NULL;
	lease->slot = slot;
	return pod;
}

static __always_inline enum ipam_error lease_choose(struct txn *txn, struct lease_request *r,
						    __u32 family)
{
	struct block_walk walk = {};
	struct lease_ip *ip = &r->lease.ip[family];
	enum ipam_error error;
	struct block *b;

	__builtin_memset(ip, 0, sizeof(*ip));
	if (!r->pool[family])
		return IPAM_OK;
	txn->family = family;
	error = block_choose(r->pool[family], family, &r->requested[family], &walk);
	txn->id = walk.id;
	b = block_get(walk.id);
	if (error || !b)
		return error ? error : IPAM_EXHAUSTED;
	ip->block = walk.id;
	ip->pool = r->pool[family];
	block_address(b, walk.offset, &ip->address);
	r->requested[family] = ip->address;
	return IPAM_OK;
}

/* Tells an agent that waits (maps/demand.h); nobody reads: the record is left out. */
static __noinline int demand_note(__u32 pool, __u32 family)
{
	struct demand *d = bpf_ringbuf_reserve(&pp_demand, sizeof(*d), 0);

	if (!d)
		return 0;
	d->pool = pool;
	d->family = family;
	d->owner = lease_request.owner;
	__builtin_memcpy(d->namespace, lease_request.lease.namespace, sizeof(d->namespace));
	__builtin_memcpy(d->pod, lease_request.lease.pod, sizeof(d->pod));
	bpf_ringbuf_submit(d, 0);
	return 0;
}

/* Fewer addresses are free than the pool keeps ready: the next pods need not wait for a block. */
static __always_inline void demand_note_low(const struct lease_ip *ip, __u32 family)
{
	struct pool *p = bpf_map_lookup_elem(&pp_pools, &ip->pool);

	if (ip->block && p && p->family[family].capacity < p->family[family].in_use + p->family[family].pre_allocation)
		demand_note(ip->pool, family);
}

static __always_inline void lease_take(const struct lease_ip *ip)
{
	struct block *b = block_get(ip->block);

	if (b)
		address_take(ip->block, block_offset(b, &ip->address));
}

static __always_inline void lease_give(const struct lease_ip *ip)
{
	struct block *b = block_get(ip->block);

	if (b)
		address_free(ip->block, block_offset(b, &ip->address));
}

static __always_inline enum ipam_error lease_make(struct ipam *ipam, struct txn *txn,
						  struct lease_request *r)
{
	struct lease *lease = bpf_map_lookup_elem(&pp_leases, &r->owner);
	struct pod *pod = NULL;
	enum ipam_error error;

	if (lease) {
		txn->existed = 1;
		txn_answer(txn, lease);
		return IPAM_OK;
	}
	if (!r->pool[FAMILY_IPV4] && !r->pool[FAMILY_IPV6])
		return IPAM_NO_POOL;
	error = lease_choose(txn, r, FAMILY_IPV4);
	if (!error)
		error = lease_choose(txn, r, FAMILY_IPV6);
	if ((error == IPAM_NO_BLOCK || error == IPAM_EXHAUSTED) && !r->silent)
		demand_note(r->pool[txn->family == FAMILY_IPV6], txn->family);
	if (error)
		return error;
	r->lease.slot = NO_SLOT;
	if (r->lease.state == LEASE_RESERVED) {
		pod = slot_find(ipam, &r->lease);
		if (!pod)
			return IPAM_NO_SLOT;
	}
	r->lease.generation = ipam->last_pod + 1;
	r->lease.ifindex = 0;
	if (bpf_map_update_elem(&pp_leases, &r->owner, &r->lease, BPF_NOEXIST))
		return IPAM_NO_MEMORY;
	/* nothing below can fail */
	ipam->last_pod++;
	ipam->leases++;
	if (pod) {
		pod->generation = r->lease.generation;
		pod->state = POD_RESERVED;
		ipam->slot_cursor = r->lease.slot + 1;
		ipam->pods++;
	}
	lease_take(&r->lease.ip[FAMILY_IPV4]);
	lease_take(&r->lease.ip[FAMILY_IPV6]);
	demand_note_low(&r->lease.ip[FAMILY_IPV4], FAMILY_IPV4);
	demand_note_low(&r->lease.ip[FAMILY_IPV6], FAMILY_IPV6);
	pending_forget(r);
	txn_answer(txn, &r->lease);
	return IPAM_OK;
}

static __always_inline void unpublish(const struct lease *lease)
{
	struct pod *pod = bpf_map_lookup_elem(&pp_pods, &lease->slot);

	if (!pod || pod->generation != lease->generation)
		return;
	for (int f = 0; f < FAMILIES; f++)
		if (lease->ip[f].block)
			bpf_map_delete_elem(&pp_pod_ips, &lease->ip[f].address);
	pod->state = POD_RESERVED;
	pod->ifindex = 0;
}

static __always_inline int publish_ip(const struct lease *lease, __u32 family)
{
	struct pod_ip value = { .slot = lease->slot, .generation = lease->generation };

	if (!lease->ip[family].block)
		return 0;
	return bpf_map_update_elem(&pp_pod_ips, &lease->ip[family].address, &value, BPF_ANY);
}

static __always_inline enum ipam_error lease_bind(struct txn *txn, struct bind_request *r)
{
	struct lease *lease = bpf_map_lookup_elem(&pp_leases, &r->owner);
	struct pod *pod;

	if (!lease || lease->generation != r->generation)
		return IPAM_NO_LEASE;
	txn_answer(txn, lease);
	if (lease->state != LEASE_RESERVED && lease->state != LEASE_BOUND)
		return IPAM_WRONG_STATE;
	pod = bpf_map_lookup_elem(&pp_pods, &lease->slot);
	if (!pod || pod->generation != lease->generation)
		return IPAM_NO_SLOT;
	for (int f = 0; f < FAMILIES; f++) {
		pod->ip[f] = lease->ip[f].address;
		pod->pool[f] = lease->ip[f].pool;
	}
	__builtin_memcpy(pod->mac, r->mac, sizeof(pod->mac));
	__builtin_memcpy(pod->host_mac, r->host_mac, sizeof(pod->host_mac));
	pod->ifindex = r->ifindex;
	pod->mtu = r->mtu;
	pod->flags = r->flags;
	if (publish_ip(lease, FAMILY_IPV4) || publish_ip(lease, FAMILY_IPV6)) {
		unpublish(lease);
		return IPAM_NO_MEMORY;
	}
	pod->state = POD_READY;
	lease->ifindex = r->ifindex;
	__builtin_memcpy(lease->host_ifname, r->host_ifname, sizeof(lease->host_ifname));
	lease->creator_pid = 0;
	lease->creator_start = 0;
	lease->state = LEASE_BOUND;
	return IPAM_OK;
}

static __always_inline struct lease *lease_of(struct txn *txn, struct owner_request *r)
{
	struct lease *lease = bpf_map_lookup_elem(&pp_leases, &r->owner);

	if (!lease || (r->generation && lease->generation != r->generation))
		return NULL;
	txn_answer(txn, lease);
	return lease;
}

static __always_inline enum ipam_error lease_dying(struct txn *txn, struct owner_request *r)
{
	struct lease *lease = lease_of(txn, r);

	if (!lease)
		return IPAM_NO_LEASE;
	if (lease->state == LEASE_HELD)
		return IPAM_WRONG_STATE;
	unpublish(lease);
	lease->state = LEASE_DYING;
	return IPAM_OK;
}

static __always_inline enum ipam_error lease_release(struct ipam *ipam, struct txn *txn,
						     struct owner_request *r)
{
	struct lease *lease = lease_of(txn, r);
	struct pod *pod;

	if (!lease)
		return IPAM_NO_LEASE;
	unpublish(lease);
	pod = bpf_map_lookup_elem(&pp_pods, &lease->slot);
	if (pod && pod->generation == lease->generation) {
		__builtin_memset(pod, 0, sizeof(*pod));
		ipam->pods--;
	}
	lease_give(&lease->ip[FAMILY_IPV4]);
	lease_give(&lease->ip[FAMILY_IPV6]);
	bpf_map_delete_elem(&pp_leases, &r->owner);
	ipam->leases--;
	return IPAM_OK;
}

#endif

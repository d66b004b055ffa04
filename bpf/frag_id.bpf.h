/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP identifications for masqueraded packets that are fragments or may be fragmented on the path
 * (IPv4 without DF). maps/frag_ids.h describes who gets which.
 */
#ifndef PP_FRAG_ID_BPF_H
#define PP_FRAG_ID_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/scratch.bpf.h"
#include "maps/frag_ids.bpf.h"

#define NO_SEGMENT FRAG_ID_SEGMENTS

struct frag_probing {
	struct frag_ids *ids;
	struct frag_search *search; /* in scratch(): the verifier would track each number on the stack */
};

static __always_inline struct frag_segment *segment_at(struct frag_ids *ids, __u32 index)
{
	barrier_var(index);
	return index < FRAG_ID_SEGMENTS ? &ids->segment[index] : NULL;
}

#define OWNER_USES 0x0000ffff00000000ULL /* changes whenever the segment is acquired */

static __always_inline bool segment_is_owned_by(const struct frag_segment *segment, __u64 owner)
{
	return (*(volatile __u64 *)&segment->owner & ~OWNER_USES) == owner;
}

static __always_inline bool segment_is_expired(const struct frag_segment *segment, __u32 now)
{
	return !segment->owner || now > segment->expires;
}

/* Looks at one segment; returns 1 if it is the pod's and has room. */
static int frag_probe(__u32 n, struct frag_probing *probing)
{
	struct frag_search *search = probing->search;
	__u32 index = (search->first + n) % FRAG_ID_SEGMENTS;
	struct frag_segment *segment = segment_at(probing->ids, index);

	if (!segment)
		return 1;
	if (segment_is_expired(segment, search->now)) {
		search->free++;
		if (search->vacant == NO_SEGMENT)
			search->vacant = index;
		return 0;
	}
	if (!segment_is_owned_by(segment, search->owner))
		return 0;
	if (segment->next + search->count <= FRAG_ID_LENGTH) {
		search->current = index;
		return 1;
	}
	search->own++;
	if (search->oldest == NO_SEGMENT || segment->expires < search->oldest_expires) {
		search->oldest = index;
		search->oldest_expires = segment->expires;
	}
	return 0;
}

/* The expiry is written before the owner, so that another CPU does not see an acquired segment as free. */
static __always_inline bool segment_take(struct frag_segment *segment, __u64 owner, __u32 now)
{
	__u64 before = *(volatile __u64 *)&segment->owner;
	__u64 uses = (before & OWNER_USES) + (1ULL << 32);

	*(volatile __u32 *)&segment->expires = now + FRAG_ID_TIMEOUT;
	if (__sync_val_compare_and_swap(&segment->owner, before, owner | (uses & OWNER_USES)) != before)
		return false;
	segment->next = 0;
	return true;
}

/* First of @search->count numbers in the segment @index; -1: another CPU was faster. */
static __always_inline int segment_use(const struct frag_search *search, struct frag_ids *ids,
				       __u32 index)
{
	struct frag_segment *segment = segment_at(ids, index);
	__u32 expires = search->now + FRAG_ID_TIMEOUT, number;

	if (!segment)
		return -1;
	if (segment->expires != expires)
		segment->expires = expires;
	number = __sync_fetch_and_add(&segment->next, search->count);
	if (number + search->count > FRAG_ID_LENGTH || !segment_is_owned_by(segment, search->owner))
		return -1;
	return index * FRAG_ID_LENGTH + number;
}

/*
 * The bucket depends on the destination alone, so a number is unique across protocols and
 * masquerade addresses.
 */
static __always_inline struct frag_ids *frag_ids_of(const struct addr *destination)
{
	const struct addr_words *d = addr_words(destination);
	__u32 bucket = ((d->low ^ d->high ^ cfg.secret) * 0x9e3779b97f4a7c15ULL) >> 32;

	bucket %= FRAG_ID_BUCKETS;
	return bpf_map_lookup_elem(&pp_frag_ids, &bucket);
}

/*
 * Allocates @count consecutive numbers for @owner; returns the first, or -1: none, or another CPU
 * was faster.
 */
__noinline int frag_id_search(struct packet *p, __u64 owner, __u32 count)
{
	struct frag_probing probing = {};
	struct frag_segment *segment;
	struct frag_search *search;
	struct scratch *s = scratch();
	__u32 index;

	probing.ids = p ? frag_ids_of(&p->key.destination) : NULL;
	if (!probing.ids || !s)
		return -1;
	search = probing.search = &s->frag_search;
	*search = (struct frag_search){
		.owner = owner, .count = count, .now = clock_units(),
		.first = (owner >> 48) * 0x9e3779b1U >> 16,
		.current = NO_SEGMENT, .oldest = NO_SEGMENT, .vacant = NO_SEGMENT,
	};
	bpf_loop(FRAG_ID_SEGMENTS, frag_probe, &probing, 0);
	if (search->current != NO_SEGMENT)
		return segment_use(search, probing.ids, search->current);
	index = search->own && search->own >= search->free ? search->oldest : search->vacant;
	segment = segment_at(probing.ids, index);
	if (!segment || !segment_take(segment, owner, search->now))
		return -1;
	return segment_use(search, probing.ids, index);
}

/*
 * Sets p->masq_id for @p of the pod in @slot. For IPv4 it is the first of @segments consecutive
 * numbers, which the kernel counts up by itself; for IPv6 the upper 16 bits are random (RFC 7739).
 * False: none is free.
 */
__noinline int frag_id_choose(struct packet *p, __u32 slot, __u32 generation, __u32 segments)
{
	__u64 owner = (__u64)(slot + 1) << 48 | generation;
	int number = -1;

	if (!p)
		return false;
	if (!segments || segments > FRAG_ID_LENGTH)
		segments = segments ? FRAG_ID_LENGTH : 1;
	for (int tries = 0; tries < 4 && number < 0; tries++)
		number = frag_id_search(p, owner, segments);
	if (number < 0)
		return false;
	p->masq_id = (number ^ (cfg.secret & ~(FRAG_ID_LENGTH - 1))) & 0xffff;
	if (p->family == FAMILY_IPV6)
		p->masq_id |= bpf_get_prandom_u32() << 16;
	return true;
}

#endif

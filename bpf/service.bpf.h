/* SPDX-License-Identifier: GPL-2.0-only */
/* A frontend's lookup, and the choice of an endpoint: at random, or by session affinity. */
#ifndef PP_SERVICE_BPF_H
#define PP_SERVICE_BPF_H

#include "bpf/address.bpf.h"
#include "maps/services.bpf.h"
#include "maps/sockets.bpf.h"

#define MEMBER_STEPS 24 /* of the binary search: more than the bits of an extent's count */

static __always_inline bool backend_is_current(const struct backend *b, __u32 service, __u32 generation)
{
	return b->state == BACKEND_ACTIVE && b->service == service && b->generation == generation;
}

/* One aligned load: the set is old or new, never mixed. */
static __always_inline struct extent extent_read(const struct extent *extent)
{
	__u64 both = *(const volatile __u64 *)extent;
	struct extent e = { .first = (__u32)both, .count = both >> 32 };

	return e;
}

/* The members of an extent are sorted by id. */
static __always_inline bool is_member(struct extent e, __u32 id)
{
	__u32 low = e.first, high = e.first + e.count;

	for (int i = 0; i < MEMBER_STEPS && low < high; i++) {
		__u32 middle = low + (high - low) / 2;
		__u32 *found = bpf_map_lookup_elem(&pp_members, &middle);

		if (!found)
			return false;
		if (*found == id)
			return true;
		if (*found < id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The endpoint that the client had last, if it still is one; NULL: none. */
static __always_inline struct backend *affinity_find(const struct service *s, struct extent e,
						     const struct affinity_key *key, __u32 *id)
{
	struct affinity *a = bpf_map_lookup_elem(&pp_affinity, key);
	__u64 now = bpf_ktime_get_boot_ns();
	struct backend *b;

	if (!a || now - a->used > (__u64)s->affinity * 1000000000)
		return NULL;
	*id = a->backend;
	b = bpf_map_lookup_elem(&pp_backends, id);
	if (!b || !backend_is_current(b, key->service, a->generation) || !is_member(e, *id))
		return NULL;
	a->used = now;
	return b;
}

static __always_inline struct backend *choose_random(struct extent e, __u32 service, __u32 *id)
{
	__u32 index = e.first + bpf_get_prandom_u32() % e.count;
	__u32 *member = bpf_map_lookup_elem(&pp_members, &index);
	struct backend *b;

	if (!member)
		return NULL;
	*id = *member;
	b = bpf_map_lookup_elem(&pp_backends, id);
	return b && b->state == BACKEND_ACTIVE && b->service == service ? b : NULL;
}

/* An endpoint of a set that is not empty; NULL: the frontend has just become another service's. */
static __always_inline struct backend *choose(const struct service *s, struct extent e, __u64 client, __u32 *id)
{
	struct affinity_key key = { .client = client, .service = s->id };
	struct affinity fresh;
	struct backend *b;

	if (!s->affinity)
		return choose_random(e, key.service, id);
	b = affinity_find(s, e, &key, id);
	if (b)
		return b;
	b = choose_random(e, key.service, id);
	if (!b)
		return NULL;
	fresh = (struct affinity){ .backend = *id, .generation = b->generation, .used = bpf_ktime_get_boot_ns() };
	bpf_map_update_elem(&pp_affinity, &key, &fresh, BPF_ANY);
	return b;
}

#endif

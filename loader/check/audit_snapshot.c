// SPDX-License-Identifier: GPL-2.0-only
/* What an audit looks at, and what follows from the leases. */
#include <stdlib.h>
#include <string.h>

#include "loader/check/audit_parts.h"
#include "loader/kernel/map.h"

#define READ(s, node, pin, list, count, key, value, e)                                             \
	read_map(node, pin, sizeof((s)->list->key), (char *)&(s)->list->value - (char *)(s)->list, \
		 sizeof((s)->list->value), sizeof(*(s)->list), (void **)&(s)->list, &(s)->count,   \
		 e)

static int read_map(struct node *node, enum pinned_map map, size_t key_size, size_t value_at,
		    size_t value_size, size_t record_size, void **list, size_t *count,
		    struct error *e)
{
	int fd = pins_map(&node->pins, map), err;

	if (fd < 0)
		return pins_error(&node->pins, pinned_map_names[map], fd, e);
	err = map_read_all(fd, key_size, value_at, value_size, record_size, list, count);
	return err ? pins_error(&node->pins, pinned_map_names[map], err, e) : 0;
}

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b); /* the entries begin with it */
}

static int by_chunk(const void *a, const void *b)
{
	const struct ips_key *x = a, *y = b;

	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static void sort(void *list, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count)
		qsort(list, count, size, compare);
}

static void index_slots(struct snapshot *s)
{
	s->lease_of_slot = xmalloc(PODS_MAX * sizeof(*s->lease_of_slot));
	memset(s->lease_of_slot, 0xff, PODS_MAX * sizeof(*s->lease_of_slot));
	for (size_t i = 0; i < s->lease_count; i++) {
		uint32_t slot = s->leases[i].lease.slot;

		if (slot < PODS_MAX && s->lease_of_slot[slot] < 0)
			s->lease_of_slot[slot] = i;
	}
}

int snapshot_read(struct node *node, struct snapshot *s, struct error *e)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = ipam_read(&node->pins, &s->ipam, e);
	if (!err)
		err = ipam_leases(&node->pins, &s->leases, &s->lease_count, e);
	if (!err)
		err = inventory_read(&node->pins, &s->inv, e);
	if (!err)
		err = facts_read(node, &s->facts, e);
	if (!err)
		err = READ(s, node, PIN_PODS, pods, pod_count, slot, pod, e);
	if (!err)
		err = READ(s, node, PIN_POD_IPS, pod_ips, pod_ip_count, addr, ip, e);
	if (!err)
		err = READ(s, node, PIN_IPS, chunks, chunk_count, key, chunk, e);
	if (!err)
		err = excluded_read(node, &s->excluded, &s->excluded_count, e);
	if (!err)
		err = READ(s, node, PIN_POOL_IDS, pool_ids, pool_id_count, name, id, e);
	if (!err)
		err = READ(s, node, PIN_POOL_CIDRS, pool_cidrs, pool_cidr_count, key, cidr, e);
	if (err) {
		snapshot_free(s);
		return err;
	}
	sort(s->pod_ips, s->pod_ip_count, sizeof(*s->pod_ips), by_addr);
	sort(s->chunks, s->chunk_count, sizeof(*s->chunks), by_chunk);
	index_slots(s);
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	inventory_free(&s->inv);
	facts_free(&s->facts);
	free(s->leases);
	free(s->pods);
	free(s->pod_ips);
	free(s->chunks);
	free(s->excluded);
	free(s->pool_ids);
	free(s->pool_cidrs);
	free(s->lease_of_slot);
	memset(s, 0, sizeof(*s));
}

int64_t snapshot_block(const struct snapshot *s, uint32_t id)
{
	const struct block *b = inventory_block(&s->inv, id);
	size_t at = (const char *)b - (const char *)s->inv.blocks;

	return b ? (int64_t)(at / sizeof(*s->inv.blocks)) : -1;
}

int64_t snapshot_pool(const struct snapshot *s, uint32_t id)
{
	const struct pool *p = inventory_pool(&s->inv, id);
	size_t at = (const char *)p - (const char *)s->inv.pools;

	return p ? (int64_t)(at / sizeof(*s->inv.pools)) : -1;
}

const struct pod_ip_entry *snapshot_pod_ip(const struct snapshot *s, const struct addr *addr)
{
	return s->pod_ip_count
		       ? bsearch(addr, s->pod_ips, s->pod_ip_count, sizeof(*s->pod_ips), by_addr)
		       : NULL;
}

uint32_t block_chunks(const struct block *b)
{
	return (b->size + CHUNK_ADDRESSES - 1) / CHUNK_ADDRESSES;
}

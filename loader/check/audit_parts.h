/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of audit.c; for it only. */
#ifndef PP_AUDIT_PARTS_H
#define PP_AUDIT_PARTS_H

#include "loader/check/audit.h"
#include "loader/ipam/inventory.h"
#include "loader/derive/parts.h"
#include "maps/ips.h"
#include "maps/pods.h"

struct pod_entry {
	uint32_t slot;
	struct pod pod;
};

struct pod_ip_entry {
	struct addr addr;
	struct pod_ip ip;
};

struct chunk_entry {
	struct ips_key key;
	struct ips_chunk chunk;
};

struct pool_id_entry {
	struct pool_name name;
	uint32_t id;
};

struct pool_cidr_entry {
	struct pool_cidr_key key;
	struct pool_cidr cidr;
};

/* The maps, read one after the other; all lists are owned. */
struct snapshot {
	struct ipam ipam;
	struct inventory inv;
	struct facts facts;
	struct lease_entry *leases;
	size_t lease_count;
	struct pod_entry *pods; /* by slot */
	size_t pod_count;
	struct pod_ip_entry *pod_ips; /* sorted by address */
	size_t pod_ip_count;
	struct chunk_entry *chunks; /* sorted by block and chunk */
	size_t chunk_count;
	struct excluded_entry *excluded; /* pp_excluded, sorted as chunks */
	size_t excluded_count;
	struct pool_id_entry *pool_ids;
	size_t pool_id_count;
	struct pool_cidr_entry *pool_cidrs;
	size_t pool_cidr_count;
	int32_t *lease_of_slot; /* index in leases; -1: none */
};

int snapshot_read(struct node *node, struct snapshot *s, struct error *e);
void snapshot_free(struct snapshot *s);
/* Index in inv.blocks or inv.pools; -1: none. */
int64_t snapshot_block(const struct snapshot *s, uint32_t id);
int64_t snapshot_pool(const struct snapshot *s, uint32_t id);
/* The entry of @addr in pod_ips, NULL if there is none. */
const struct pod_ip_entry *snapshot_pod_ip(const struct snapshot *s, const struct addr *addr);

/*
 * What blocks, bitmaps, pools and counts must be if the leases are right; parallel to the
 * snapshot's.
 */
struct wanted {
	struct ipam ipam;
	struct block *blocks;
	struct pool *pools;
	uint64_t *words; /* bitmaps of all blocks, each in whole chunks */
	size_t *start; /* the first word of block n */
};

void wanted_build(const struct snapshot *s, struct wanted *w);
void wanted_free(struct wanted *w);
uint32_t block_chunks(const struct block *b);

struct audit {
	struct node *node;
	struct netlink *nl;
	const struct audit_report *report;
	size_t count;
	struct snapshot s;
	struct wanted w;
	struct options options;
};

void violation(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LEASE_TEXT 512
/* "pod default/web (owner 4f2d…, eth0)" or "owner x" */
const char *lease_text(const struct lease_entry *l, char text[LEASE_TEXT]);

/* What is both a pod's, or could become one's, and something else's. */
void audit_overlaps(struct audit *a);
void audit_blocks(struct audit *a);
void audit_pools(struct audit *a);
void audit_leases(struct audit *a);
void audit_pods(struct audit *a);
int audit_links(struct audit *a, struct error *e);
/* Of one lease and its slot, and of one bound lease's interface. */
void audit_slot(struct audit *a, size_t lease, const char *who);
void audit_published(struct audit *a, const struct pod_entry *p);
void audit_pod_link(struct audit *a, const struct lease_entry *l, int program);
int audit_derived(struct audit *a, struct error *e);
int audit_flows(struct audit *a, struct error *e);
/* Uplinks and sysctls. */
void audit_host(struct audit *a);

#endif

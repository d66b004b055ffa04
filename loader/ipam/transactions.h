/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transactions of maps/txn.h from userspace, and readers of their maps. A transaction is one
 * system call; nothing here holds a lock.
 */
#ifndef PP_IPAM_LOADER_H
#define PP_IPAM_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/kernel/pins.h"
#include "maps/blocks.h"
#include "maps/ipam.h"
#include "maps/pending.h"
#include "maps/pools.h"
#include "maps/txn.h"

/*
 * Runs one with its request; waits while another one runs. 0, then the caller checks txn->error; or
 * -errno with a sentence: the program is missing or the kernel did not run it.
 */
int ipam_run(struct pins *pins, enum pinned_prog prog, const void *request, struct txn *txn,
	     struct error *e);

/* The error as text: "the maps are full". */
const char *ipam_error_text(enum ipam_error error);
/* For a caller without a better sentence: names the transaction; returns -errno. */
int ipam_refused(struct pins *pins, enum pinned_prog prog, const struct txn *txn, struct error *e);

/* pp_ipam's one entry. */
int ipam_read(struct pins *pins, struct ipam *ipam, struct error *e);

/* A pool by name: its id and value; -ENOENT without a sentence. */
int ipam_pool_find(struct pins *pins, const char *name, uint32_t *id, struct pool *pool);
int ipam_pool_read(struct pins *pins, uint32_t id, struct pool *pool);
int ipam_block_read(struct pins *pins, uint32_t id, struct block *block);
/* Whether the block of a lease's address is that address alone. */
bool ipam_is_block(struct pins *pins, const struct lease_ip *ip);
/* Whether pp_excluded has the address, which lies in @block. */
bool ipam_is_excluded(struct pins *pins, const struct lease_ip *ip, const struct block *block);
int ipam_lease_read(struct pins *pins, const struct lease_owner *owner, struct lease *lease);

struct lease_entry {
	struct lease_owner owner;
	struct lease lease;
};

struct pool_entry {
	uint32_t id;
	struct pool pool;
};

struct block_entry {
	uint32_t id;
	struct block block;
};

struct pending_entry {
	struct pending_key key;
	struct pending pending;
};

/* Read complete maps; the caller frees *list. Not sorted, except blocks (by id) and pools (by name). */
int ipam_leases(struct pins *pins, struct lease_entry **list, size_t *count, struct error *e);
/* The keys alone of all interfaces of the owner @id. The caller frees *list. */
int ipam_owner_interfaces(struct pins *pins, const char *id, struct lease_owner **list, size_t *count,
			  struct error *e);
int ipam_pools(struct pins *pins, struct pool_entry **list, size_t *count, struct error *e);
int ipam_blocks(struct pins *pins, struct block_entry **list, size_t *count, struct error *e);
int ipam_pendings(struct pins *pins, struct pending_entry **list, size_t *count, struct error *e);

/* The CIDRs of a pool and family in list order; @cidrs has POOL_FAMILY_CIDRS entries. */
int ipam_pool_cidrs(struct pins *pins, uint32_t pool, enum family family, struct pool_cidr *cidrs,
		    uint32_t count);

/* CLOCK_BOOTTIME, the clock of pp_pending and of a block's keep_until. */
uint64_t ipam_boot_seconds(void);

/* The originator of demand: a pod, by its names, or a plain container (names NULL or ""). */
struct pending_owner {
	const struct lease_owner *owner;
	const char *namespace, *name;
};

/* Records unmet demand (pinpool-ipam(7), DEMAND), replacing an older record; @pool "": none. */
int ipam_pending_set(struct pins *pins, const struct pending_owner *who, enum family family,
		     const char *pool);
/* Removes the demand that the owner @owner recorded last, of any pod and interface. */
void ipam_pending_clear(struct pins *pins, const char *owner);
/* Removes the demand of a pod, of all its interfaces. */
void ipam_pending_clear_pod(struct pins *pins, const char *namespace, const char *name);
/* Number of live entries of a pool and family; removes expired ones. */
uint32_t ipam_pending_count(struct pins *pins, const char *pool, enum family family);

/* Fills in an owner key: -ENAMETOOLONG / -EINVAL with a sentence. */
int lease_owner_set(struct lease_owner *owner, const char *id, const char *ifname, struct error *e);

#endif

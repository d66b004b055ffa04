/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transactions of bpf/ipam.bpf.c: syscall programs, run with BPF_PROG_RUN and a struct txn as
 * context. Each reads its request from the caller's memory whole before it changes anything, runs
 * to its end even if the caller is killed, and either does all or nothing.
 *
 *   pp_lease        struct lease_request   addresses of one or both families, all or nothing
 *   pp_bind         struct bind_request    publishes a reserved lease's interface
 *   pp_dying        struct owner_request   unpublishes it: its flows are dead at once
 *   pp_release      struct owner_request   frees the addresses and forgets the owner
 *   pp_pool_set     struct pool_request    creates or changes a pool
 *   pp_pool_delete  struct pool_request    deletes it, or starts terminating where blocks are held
 *   pp_block_carve  struct block_request   this node takes a block
 *   pp_block_drop   struct block_request   gives an empty one back
 *   pp_block_state  struct pool_request    sets the states of the blocks in `changes`
 *   pp_block_exclude struct exclude_request  sets which addresses of a chunk no pod may get
 *
 * Requests with an `expected` generation fail with IPAM_STALE once pools or blocks have changed
 * since the caller read them: it reads and decides again.
 */
#ifndef PP_TXN_H
#define PP_TXN_H

#include "maps/blocks.h"
#include "maps/excluded.h"
#include "maps/leases.h"
#include "maps/objects.h"
#include "maps/pool_cidrs.h"
#include "maps/pools.h"

enum ipam_error {
	IPAM_OK,
	IPAM_BUSY,             /* another transaction is running: retry */
	IPAM_FAULT,            /* the request could not be read */
	IPAM_STALE,            /* pools or blocks changed since generation `expected` */
	IPAM_NO_MEMORY,        /* a map or the kernel's memory is full */
	IPAM_NO_LEASE,
	IPAM_WRONG_STATE,      /* the lease is not in a state that allows it: see txn.state */
	IPAM_NO_POOL,
	IPAM_POOL_TERMINATING,
	IPAM_NO_BLOCK,         /* the node holds no block of the pool in this family */
	IPAM_EXHAUSTED,        /* all CIDR ranges are exhausted */
	IPAM_NOT_IN_CIDR,      /* requested address: not in any block */
	IPAM_NOT_IN_RANGE,     /* requested address: reserved; txn.id is the block */
	IPAM_ADDRESS_TAKEN,    /* requested address: in use */
	IPAM_ADDRESS_DRAINING, /* requested address: its block is draining */
	IPAM_NO_SLOT,          /* pp_pods is full */
	IPAM_IN_USE,           /* the block has addresses in use */
	IPAM_ADDRESS_EXCLUDED, /* requested address: in pp_excluded */
};

/* The context: request and result. */
struct txn {
	__u64 request;          /* address in the caller's memory */
	enum ipam_error error;
	enum family family;     /* family that failed */
	__u32 id;               /* pool or block that was created or that the error names */
	__u32 existed;          /* pp_lease: the owner already had this lease */
	enum lease_state state; /* of the lease, before pp_dying and pp_release */
	__u32 generation;       /* of the lease */
	__u32 slot;             /* of the lease */
	__u32 ifindex;          /* of the lease */
	struct lease_ip ip[FAMILIES]; /* of the lease */
};

struct lease_request {
	struct lease_owner owner;
	struct lease lease;     /* state HELD or RESERVED, creator, names; the rest is ours */
	__u32 pool[FAMILIES];   /* 0: no address of this family */
	struct addr requested[FAMILIES]; /* all zero: any */
	__u32 silent;           /* no record in pp_demand: the caller tries again */
	__u32 pad;
};

struct bind_request {
	struct lease_owner owner;
	__u32 generation;
	__u32 ifindex;
	__u32 mtu;
	__u32 flags;            /* enum pod_flags */
	char host_ifname[20];
	__u8 mac[6], host_mac[6];
};

struct owner_request {
	struct lease_owner owner;
	__u32 generation;       /* 0: whichever it is */
	__u32 pad;
};

struct block_change {
	__u32 block;
	enum block_state state;
};

struct pool_request {
	__u64 expected;         /* generation */
	__u32 id;               /* 0: a new pool */
	__u32 change_count;
	/* name, state, flags, created; per family mask_length, cidrs, pre_allocation */
	struct pool pool;
	struct pool_cidr cidrs[FAMILIES][POOL_FAMILY_CIDRS];
	struct object_key object_key; /* kind OBJECT_NONE: leave the object alone */
	struct object_chunk object;   /* its chunk 0 */
	__u64 changes;          /* address of change_count struct block_change */
};

struct block_request {
	__u64 expected;         /* generation; 0: whichever it is */
	__u32 id;               /* pp_block_drop: the block */
	__u32 cidr;             /* index of the CIDR with this cursor; NO_CIDR: none */
	__u64 cursor;           /* new value of the cursor */
	__u32 undo;             /* pp_block_drop: move the cursor back if it is just behind the block */
	__u32 pad;
	struct block block;     /* pool, family, state, prefix, size, low, high, created */
};

#define NO_CIDR 0xffffffff

struct exclude_request {
	struct ips_key key;
	struct ips_chunk excluded; /* bits outside of the block's low .. high-1 are ignored */
};

#endif

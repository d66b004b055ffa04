/* SPDX-License-Identifier: GPL-2.0-only */
/* pp_pools: the pools by id, with the blocks of this node; pp_pool_ids: their ids by name. */
#ifndef PP_POOLS_H
#define PP_POOLS_H

#include "maps/abi.h"
#include "maps/addr.h"

#define POOLS_MAX 4096

enum pool_state {
	POOL_NONE,
	POOL_ACTIVE,
	/* deleted while in use: ends with its last block (pinpool-ipam(7), CHANGING POOLS) */
	POOL_TERMINATING,
};

enum pool_flags {
	POOL_ALLOW_FIRST = 1,
	POOL_ALLOW_LAST = 2,
	POOL_SKIP_MASQUERADE = 4,
	POOL_SELECTOR = 8,   /* has a podSelector or a namespaceSelector */
	POOL_AUTO_CREATED = 16,
};

struct pool_family {
	__u32 mask_length;    /* of new blocks, of 128; 0: the pool lacks this family */
	__u32 cidrs;          /* entries in pp_pool_cidrs */
	__u32 pre_allocation; /* p in pinpool-ipam(7), DEMAND */
	/* blocks of this node; maintained by the transactions */
	__u32 blocks;         /* draining ones included */
	__u32 empty;          /* blocks that are not draining and have no address in use */
	__u32 capacity;       /* usable addresses of blocks that are not draining */
	__u32 in_use;         /* addresses in use of blocks that are not draining */
	__u32 draining;       /* addresses in use of draining blocks */
	__u32 first, last;    /* list of blocks, oldest first; 0: none */
	__u32 hint;           /* all earlier blocks are full or draining; 0: all are */
	__u32 pad;
};

struct pool {
	char name[PP_NAME];
	enum pool_state state;
	__u32 flags; /* enum pool_flags */
	struct pool_family family[FAMILIES];
	__u64 created; /* seconds since the epoch */
};

struct pool_name {
	char name[PP_NAME];
};

#endif

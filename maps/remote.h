/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_remote: the blocks of other nodes and the addresses of all nodes, as rows that are searched in
 * place; derived from the CiliumNodes. The loader creates the map, an array that is mapped into its
 * memory; no program reads it.
 *
 * The array's bytes are: the head, the blocks and then the addresses (each sorted by prefix), the
 * names. A map is never changed once it is pinned: a new one takes its place. Its pin is removed
 * before a CiliumNode changes and is back when all have: without it, the objects are read instead.
 */
#ifndef PP_REMOTE_H
#define PP_REMOTE_H

#include "maps/addr.h"

#define REMOTE_MAP "pp_remote"
#define REMOTE_LAYOUT 1

enum remote_kind {
	REMOTE_NONE,
	REMOTE_BLOCK,            /* a block of another node */
	REMOTE_ADDRESS,          /* an address of a node (length 128): no pod may get it */
	REMOTE_INTERNAL_ADDRESS, /* its CiliumInternalIP, which lies in one of its blocks */
};

/* The size of an element of the array. */
struct remote_row {
	struct prefix prefix;
	enum remote_kind kind;
	__u32 node;           /* where its name begins in the names */
	__u32 pool;           /* REMOTE_BLOCK: the same; 0, which is "": the default pool */
	__u32 pad;
	struct addr next_hop; /* REMOTE_BLOCK: the node's InternalIP of the family; all zero: none */
};

struct remote_head {
	__u32 layout;
	__u32 blocks, addresses; /* rows */
	__u32 names;             /* bytes, each name with its NUL */
	__u32 pad[10];
};

_Static_assert(sizeof(struct remote_row) == 56, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct remote_head) == sizeof(struct remote_row), "the head is one element");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_demand: a ring buffer with a record for each lease that was refused because the pool has no block
 * here, or none with a free address (IPAM_NO_BLOCK, IPAM_EXHAUSTED), or that left fewer free than the
 * pool's pre-allocation, so that an agent which waits on it wakes and asks for one. pp_lease writes it in
 * the same transaction, of an attempt at most one and after pp_pending has the demand; the loader, whose
 * commands take blocks themselves, reads it not. A record is an occasion to look, not the truth: without
 * a reader the buffer fills and later ones are left out. pp_pending says who still waits.
 */
#ifndef PP_DEMAND_H
#define PP_DEMAND_H

#include "maps/leases.h"

#define DEMAND_BYTES (1 << 16)

struct demand {
	__u32 pool;                /* id */
	enum family family;        /* of which an address is lacking */
	struct lease_owner owner;  /* who asked, */
	char namespace[64];        /* and the pod's names; "": none */
	char pod[PP_NAME];
};

_Static_assert(sizeof(struct demand) == 480, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

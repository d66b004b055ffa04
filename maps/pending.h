/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pending: demand that could not be met (IPAM.md 4). One entry per owner and family, so that a
 * retry that asks for another pool replaces it, and success or the pod's end removes it in the
 * same transaction.
 */
#ifndef PP_PENDING_H
#define PP_PENDING_H

#include "maps/leases.h"

#define PENDING_MAX 4096 /* small: each allocation counts them */
#define PENDING_SECONDS 300 /* an entry older than this is expired */

struct pending_key {
	struct lease_owner owner;
	enum family family;
	__u32 pad;
};

struct pending {
	__u64 last_attempt; /* seconds since boot (CLOCK_BOOTTIME) */
	char pool[PP_NAME];
};

#endif

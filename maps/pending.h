/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pending: unmet demand. One entry per pod, interface and family: a retry replaces it, from any
 * container and for any pool, and success removes it in the same transaction. DEL does not remove
 * it, because runtimes send one right after a failed ADD.
 */
#ifndef PP_PENDING_H
#define PP_PENDING_H

#include "maps/leases.h"

#define PENDING_MAX 4096 /* small: each allocation counts them */
#define PENDING_SECONDS 300 /* an entry older than this is expired */

/* The zero bytes after each string are part of the key. */
struct pending_key {
	char namespace[64]; /* of the pod; "": a plain container, or addresses alone */
	char name[PP_NAME]; /* of the pod, or the owner's id */
	char ifname[16];    /* in the pod */
	enum family family;
	__u32 pad;
};

struct pending {
	__u64 last_attempt; /* seconds since boot (CLOCK_BOOTTIME) */
	char owner[136];    /* owner of that attempt: id of struct lease_owner */
	char pool[PP_NAME];
};

#endif

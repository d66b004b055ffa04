/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pod_cache: slot of a pod by the low bits of its address; one entry. The pod itself confirms
 * that it has the address (else pp_pod_ips is looked up), so entries need no removal, and
 * concurrent writers are harmless. Packets from pod to pod find their destination without a hash.
 */
#ifndef PP_POD_CACHE_H
#define PP_POD_CACHE_H

#include <linux/types.h>

#define POD_CACHE_ENTRIES 4096 /* consecutive addresses that do not collide */

struct pod_cache_entry {
	__u32 address; /* last 32 bits, host order: most other addresses need no look at the pod */
	__u32 slot;    /* in pp_pods */
};

struct pod_cache {
	struct pod_cache_entry entry[POD_CACHE_ENTRIES];
};

#endif

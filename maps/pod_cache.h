/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pod_cache: where an address's pod was last found, by the address's low bits; one entry. Only
 * a hint: the pod itself says whether it has the address (pp_pod_ips is asked if not), so nothing
 * needs to be taken out, and CPUs that write at once do no harm. A packet from pod to pod finds its
 * receiver without a hash.
 */
#ifndef PP_POD_CACHE_H
#define PP_POD_CACHE_H

#include <linux/types.h>

#define POD_CACHE_ENTRIES 4096 /* so many addresses in a row have a place of their own */

struct pod_cache_entry {
	__u32 address; /* its last 32 bits, host order: most others need no look at the pod */
	__u32 slot;    /* in pp_pods */
};

struct pod_cache {
	struct pod_cache_entry entry[POD_CACHE_ENTRIES];
};

#endif

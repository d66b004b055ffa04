/* SPDX-License-Identifier: GPL-2.0-only */
/* Who sent it: the one check that a pod's packet comes from that pod, before anything else is done. */
#ifndef PP_SOURCE_BPF_H
#define PP_SOURCE_BPF_H

#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"

static __always_inline bool is_sender(const struct pod *pod, __u32 ifindex, const __u8 *mac)
{
	return pod && pod->ifindex == ifindex && mac_equal(pod->mac, mac);
}

static __always_inline __u32 mac_slot(const __u8 *mac)
{
	return mac[3] << 16 | mac[4] << 8 | mac[5];
}

/*
 * The pod behind interface @ifindex that has @mac and (if it is not all zero) @source. Usually the
 * MAC is the slot; a pod with a MAC of its own is found by its address.
 */
static __always_inline struct pod *sender(__u32 ifindex, const __u8 *mac, const struct addr *source)
{
	__u32 slot = mac_slot(mac);
	struct pod *pod = pod_at(slot);

	if (is_sender(pod, ifindex, mac))
		return pod;
	pod = pod_by_ip(source, &slot);
	return is_sender(pod, ifindex, mac) ? pod : NULL;
}

#endif

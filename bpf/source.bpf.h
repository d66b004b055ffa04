/* SPDX-License-Identifier: GPL-2.0-only */
/* Who sent it: the one check that a pod's packet comes from that pod, before anything else is done. */
#ifndef PP_SOURCE_BPF_H
#define PP_SOURCE_BPF_H

#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"

static __always_inline bool is_sender(const struct pod *pod, __u32 ifindex)
{
	return pod && pod->ifindex == ifindex;
}

static __always_inline __u32 mac_slot(const __u8 *mac)
{
	return mac[3] << 16 | mac[4] << 8 | mac[5];
}

/*
 * The pod behind interface @ifindex. Usually @mac names its slot; a pod with another MAC, such as a
 * later CNI plugin sets, is found by the address @source. The interface alone is the proof: behind
 * it is one pod, and no frame leaves the node with the MAC that it came with.
 */
static __always_inline struct pod *sender(__u32 ifindex, const __u8 *mac, const struct addr *source)
{
	__u32 slot = mac_slot(mac);
	struct pod *pod = pod_at(slot);

	if (is_sender(pod, ifindex))
		return pod;
	pod = pod_by_ip(source, &slot);
	return is_sender(pod, ifindex) ? pod : NULL;
}

#endif

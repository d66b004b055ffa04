/* SPDX-License-Identifier: GPL-2.0-only */
/* Sender check: a packet must come from the pod that it names, before anything else is done. */
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
 * The pod behind interface @ifindex. Usually @mac contains its slot; a pod with another MAC, set
 * e.g. by a later CNI plugin, is found by the address @source. The interface is the proof: it
 * belongs to one pod, and frames never leave the node with the MAC address they came with.
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of pods that keep their address, and the devices by which packets of pods may leave. Only
 * an attached uplink masquerades, so other devices only get packets that keep their address.
 */
#ifndef PP_NATIVE_BPF_H
#define PP_NATIVE_BPF_H

#include "bpf/inbound.bpf.h"
#include "bpf/scratch.bpf.h"
#include "maps/pools.bpf.h"
#include "maps/uplinks.bpf.h"

/*
 * Whether options, destination or pool exclude a packet of @pod from masquerade; needs no
 * connection lookup.
 */
static __always_inline bool is_excluded(const struct addr *destination, enum family family,
					const struct pod *pod)
{
	__u32 zero = 0, pool = family == FAMILY_IPV6 ? pod->pool[FAMILY_IPV6] : pod->pool[FAMILY_IPV4];
	struct config *config = bpf_map_lookup_elem(&pp_config, &zero);
	struct pool *entry;

	if (!config)
		return false;
	if (!masquerades(config, family) || is_native(destination))
		return true;
	if (config->masquerade_default_only && pool != config->default_pool)
		return true;
	entry = bpf_map_lookup_elem(&pp_pools, &pool);
	return entry && entry->flags & POOL_SKIP_MASQUERADE;
}

/* An uplink is listed only while the masquerading program is attached to it (maps/uplinks.h). */
static __always_inline bool is_uplink(__u32 ifindex)
{
	return bpf_map_lookup_elem(&pp_uplinks, &ifindex);
}

/*
 * Whether the pod's packet in scratch() may leave by a device that is not an uplink. Out of line:
 * only routes past the uplinks need it.
 */
__noinline int may_bypass_uplinks(void)
{
	struct scratch *s = scratch();
	struct pod *pod;
	__u32 slot;

	pod = s ? pod_by_ip(&s->packet.key.source, &slot) : NULL;
	return pod && is_excluded(&s->packet.key.destination, s->packet.family, pod);
}

#endif

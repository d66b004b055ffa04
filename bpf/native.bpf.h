/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which packets of pods keep their address, and by which devices packets of pods may leave. Only an
 * attached uplink masquerades, so by any other device goes only what keeps its address.
 */
#ifndef PP_NATIVE_BPF_H
#define PP_NATIVE_BPF_H

#include "bpf/inbound.bpf.h"
#include "bpf/scratch.bpf.h"
#include "maps/pools.bpf.h"
#include "maps/uplinks.bpf.h"

/* Options, destination, pool: what needs no lookup of a connection of @pod. */
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

/* An uplink is listed only while the program that masquerades is attached to it (maps/uplinks.h). */
static __always_inline bool is_uplink(__u32 ifindex)
{
	return bpf_map_lookup_elem(&pp_uplinks, &ifindex);
}

/*
 * Whether the packet of scratch(), whose source is a pod's, may leave by a device that is not an uplink.
 * Out of line: only routes past the uplinks ask.
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

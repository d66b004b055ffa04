/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections with a pod's own address: opened from outside (maps/inbound.h) or by the pod
 * (maps/native_conns.h).
 */
#ifndef PP_BPF_INBOUND_BPF_H
#define PP_BPF_INBOUND_BPF_H

#include "bpf/expiry.bpf.h"
#include "bpf/flow_find.bpf.h"
#include "bpf/nomasq.bpf.h"
#include "maps/config.bpf.h"
#include "maps/inbound.bpf.h"
#include "maps/native_conns.bpf.h"

static __always_inline bool masquerades(const struct config *config, enum family family)
{
	return family == FAMILY_IPV6 ? config->masquerade[FAMILY_IPV6] :
				       config->masquerade[FAMILY_IPV4];
}

static __always_inline bool is_pure_syn(const struct packet *p)
{
	return p->key.protocol == PROTOCOL_TCP &&
	       (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* Whether a packet from outside may open a connection. */
static __always_inline bool opens_inbound(const struct packet *p)
{
	return is_pure_syn(p) || p->key.protocol == PROTOCOL_UDP || p->flags & PACKET_ECHO_REQUEST;
}

static __always_inline bool inbound_is_current(const struct inbound *inbound, __u32 generation,
					       __u32 now)
{
	return inbound && inbound->pod_generation == generation && now <= inbound->expires;
}

/* Refreshes an existing entry in place: an update would allocate a new one and free the old. */
static __always_inline bool entry_refresh(void *map, const struct flow_key *key,
					  const struct inbound *fresh, __u32 now)
{
	struct inbound *entry = bpf_map_lookup_elem(map, key);

	if (!inbound_is_current(entry, fresh->pod_generation, now))
		return false;
	if (entry->expires < fresh->expires)
		entry->expires = fresh->expires;
	return true;
}

/*
 * Records the connection that a packet of opens_inbound() opens to a pod of @generation, by the key
 * of its @reply, if that reply would be masqueraded otherwise.
 */
__noinline int inbound_record(struct flow_key *reply, enum family family, __u32 generation)
{
	struct inbound fresh = { .pod_generation = generation };
	__u32 zero = 0, now = clock_units();
	struct config *config = bpf_map_lookup_elem(&pp_config, &zero);
	struct expiries *expiries = expiries_get();
	struct flow_ref ref;
	struct flow_key key;

	if (!reply || !config || !expiries || !masquerades(config, family) || is_native(&reply->destination))
		return 0;
	key = *reply; /* 6.1 rejects a global function's argument as a map key */
	fresh.expires = now + cfg.inbound_timeout;
	expiry_raise(&expiries->inbound, fresh.expires);
	/* connections opened by the pod keep their translation */
	if (!entry_refresh(&pp_inbound, &key, &fresh, now) && !flow_find(&key, FLOW_FORWARD, &ref, now))
		bpf_map_update_elem(&pp_inbound, &key, &fresh, BPF_ANY);
	return 0;
}

/* Refreshes a TCP entry by a reply of the pod; UDP entries are refreshed only by packets from outside. */
static __always_inline void inbound_refresh(struct inbound *inbound, const struct packet *p, __u32 now)
{
	__u32 expires = now + (p->tcp_flags & TCP_RST ? cfg.reset_timeout :
							cfg.inbound_established);
	struct expiries *expiries = expiries_get();

	if (!expiries || p->key.protocol != PROTOCOL_TCP || inbound->expires == expires)
		return;
	expiry_raise(&expiries->inbound, expires);
	inbound->expires = expires;
}

/*
 * Whether @p of the pod belongs to a connection of @map (pp_inbound or pp_native_conns), which it
 * refreshes.
 */
static __always_inline bool refresh_connection(void *map, const struct packet *p, __u32 generation,
					       __u32 now)
{
	struct inbound *inbound = bpf_map_lookup_elem(map, &p->key);

	if (!inbound_is_current(inbound, generation, now))
		return false;
	inbound_refresh(inbound, p, now);
	return true;
}

/* False: certainly no connection from outside is current. */
static __always_inline bool may_have_inbound(__u32 now)
{
	struct expiries *expiries = expiries_get();

	return expiries && now <= expiries->inbound;
}

/* Whether @p, which has no flow, continues a connection with the pod's own address. */
static __always_inline bool continues_connection(const struct packet *p, __u32 generation, __u32 now)
{
	if (is_pure_syn(p) || p->flags & PACKET_ECHO_REQUEST)
		return false;
	return (may_have_inbound(now) && refresh_connection(&pp_inbound, p, generation, now)) ||
	       (p->key.protocol == PROTOCOL_TCP &&
		refresh_connection(&pp_native_conns, p, generation, now));
}

/* Records a connection that the pod opens with its own address. */
static __always_inline void native_conn_record(const struct packet *p, __u32 generation)
{
	__u32 now = clock_units();
	struct inbound fresh = {
		.expires = now + cfg.inbound_established,
		.pod_generation = generation,
	};

	if (is_pure_syn(p) && !entry_refresh(&pp_native_conns, &p->key, &fresh, now))
		bpf_map_update_elem(&pp_native_conns, &p->key, &fresh, BPF_ANY);
}

/* A lookup costs half as much as a deletion, which locks, and nearly always finds nothing. */
static __always_inline void connection_forget(void *map, const struct flow_key *key)
{
	if (bpf_map_lookup_elem(map, key))
		bpf_map_delete_elem(map, key);
}

/* Forgets older connections with the same ports when the pod opens a masqueraded one. */
static __always_inline void native_conns_forget(const struct packet *p)
{
	if (!is_pure_syn(p))
		return;
	if (may_have_inbound(clock_units()))
		connection_forget(&pp_inbound, &p->key);
	connection_forget(&pp_native_conns, &p->key);
}

#endif

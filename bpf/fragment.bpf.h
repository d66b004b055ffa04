/* SPDX-License-Identifier: GPL-2.0-only */
/* Later fragments carry no ports: they are treated like the first one. */
#ifndef PP_FRAGMENT_BPF_H
#define PP_FRAGMENT_BPF_H

#include "bpf/flow.bpf.h"
#include "maps/frags.bpf.h"

#define FRAGMENT_TIMEOUT 60 /* clock units; reassembly timeout of RFC 8200 4.5 */
#define NO_FLOW 0xffffffff  /* not a slot */

static __always_inline void fragment_key(struct frag_key *key, const struct packet *p)
{
	key->source = p->key.source;
	key->destination = p->key.destination;
	key->id = p->id;
	/* IPv6 does not need it, and later fragments may not show it */
	key->protocol = p->family == FAMILY_IPV6 ? 0 : p->key.protocol;
}

/* Records the flow of the first fragment @p, in its form on arrival; NO_FLOW: addresses unchanged. */
__noinline int fragment_record(struct packet *p, __u32 slot, __u32 generation)
{
	struct frag frag = { .flow = { slot, generation }, .masqueraded = slot != NO_FLOW };
	struct frag_key key;

	if (!p)
		return 0;
	frag.id = p->masq_id;
	frag.expires = clock_units() + FRAGMENT_TIMEOUT;
	fragment_key(&key, p);
	return bpf_map_update_elem(&pp_frags, &key, &frag, BPF_ANY);
}

/* Looks up the record of the first fragment of @p; false: none. */
__noinline int fragment_find(struct packet *p, struct frag *frag)
{
	struct frag_key key;
	struct frag *found;

	if (!p || !frag)
		return false;
	fragment_key(&key, p);
	found = bpf_map_lookup_elem(&pp_frags, &key);
	if (!found || clock_units() > found->expires)
		return false;
	*frag = *found;
	return true;
}

#endif

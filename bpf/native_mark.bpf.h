/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Native mark: pp_from_pod tells pp_to_net, which sees the packet next, that it keeps its address.
 * The mark is in the socket buffer's control block, which tc programs may use, and is a hash of the
 * packet's addresses and a secret: leftovers of other programs, and marks of packets that were
 * changed on the path, do not match. A packet without a mark only costs pp_to_net its own lookup.
 */
#ifndef PP_NATIVE_MARK_BPF_H
#define PP_NATIVE_MARK_BPF_H

#include "bpf/config.bpf.h"
#include "bpf/parse.bpf.h"

static __always_inline __u64 native_mark_of(const struct addr *source, const struct addr *destination)
{
	const struct addr_words *s = addr_words(source), *d = addr_words(destination);

	return cfg.mark_secret ^ (s->high ^ s->low) ^ (d->high ^ d->low) * 0x9e3779b97f4a7c15ULL;
}

static __always_inline void native_mark_set(struct __sk_buff *skb, const struct packet *p)
{
	__u64 mark = cfg.mark_secret ? native_mark_of(&p->key.source, &p->key.destination) : 0;

	skb->cb[0] = mark;
	skb->cb[1] = mark >> 32;
}

static __always_inline bool has_native_mark(struct __sk_buff *skb)
{
	__u64 found = (__u64)skb->cb[1] << 32 | skb->cb[0];
	struct addr source, destination;

	return found && cfg.mark_secret && frame_addresses(skb, &source, &destination) &&
	       found == native_mark_of(&source, &destination);
}

#endif

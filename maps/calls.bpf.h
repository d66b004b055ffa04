/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_CALLS_BPF_H
#define PP_CALLS_BPF_H

#include "maps/calls.h"

int pp_masquerade(struct __sk_buff *skb);
int pp_masquerade_slow(struct __sk_buff *skb);
int pp_from_net_slow(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CALLS);
	__type(key, __u32);
	__array(values, int(struct __sk_buff *));
} pp_calls SEC(".maps") = {
	.values = {
		[CALL_MASQUERADE] = (void *)&pp_masquerade,
		[CALL_MASQUERADE_SLOW] = (void *)&pp_masquerade_slow,
		[CALL_FROM_NET_SLOW] = (void *)&pp_from_net_slow,
	},
};

#endif

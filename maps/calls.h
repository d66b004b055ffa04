/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_calls: the programs that the uplinks' programs jump to. Jumps and not functions, so that each
 * has all of the stack, and a packet pays only for what its way needs: pp_to_net lets stamped packets
 * go without the cost of a program that writes, and those of known flows pass no call. libbpf fills
 * it as it loads.
 */
#ifndef PP_CALLS_H
#define PP_CALLS_H

enum call {
	CALL_MASQUERADE,      /* pp_masquerade; without it pp_to_net drops: nothing leaks */
	CALL_MASQUERADE_SLOW, /* pp_masquerade_slow; the same */
	CALL_FROM_NET_SLOW,   /* pp_from_net_slow; without it pp_from_net lets pass */
	CALLS,
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_calls: programs that the uplinks' programs jump to. Tail calls instead of functions give each
 * the full stack, and a packet pays only for its path: pp_to_net passes packets with a native mark
 * without the prologue of a program that rewrites, and packets of known flows make no function
 * call. libbpf fills it at load.
 */
#ifndef PP_CALLS_H
#define PP_CALLS_H

enum call {
	CALL_MASQUERADE,      /* pp_masquerade; if missing, pp_to_net drops, so that nothing leaks */
	CALL_MASQUERADE_SLOW, /* pp_masquerade_slow; likewise */
	CALL_FROM_NET_SLOW,   /* pp_from_net_slow; if missing, pp_from_net passes */
	CALLS,
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_calls: the programs that the uplinks' programs jump to with packets that need more than a look
 * at what is known: new connections, fragments, options, ICMP errors. A jump and not a function, so
 * that the ways of common packets have no call and all of the stack. libbpf fills it as it loads.
 */
#ifndef PP_CALLS_H
#define PP_CALLS_H

enum call {
	CALL_TO_NET_SLOW,   /* pp_to_net_slow; without it pp_to_net drops: nothing leaks */
	CALL_FROM_NET_SLOW, /* pp_from_net_slow; without it pp_from_net lets pass */
	CALLS,
};

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells whether libxdp can run several programs on a device: its dispatcher calls empty functions, in
 * whose places it puts the programs, and some kernels refuse that.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

__attribute__((noinline)) int pp_chain_slot(struct xdp_md *ctx)
{
	volatile int verdict = XDP_PASS; /* else the call is optimised away */

	return ctx ? verdict : XDP_ABORTED;
}

SEC("xdp")
int pp_chain(struct xdp_md *ctx)
{
	return pp_chain_slot(ctx);
}

SEC("?freplace/pp_chain_slot")
int pp_chain_link(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_DROP;
}

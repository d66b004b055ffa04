// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probe whether libxdp can chain programs on a device: its dispatcher calls empty functions and
 * replaces them by the programs, which some kernels refuse.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

__attribute__((noinline)) int pp_chain_slot(struct xdp_md *ctx)
{
	volatile int verdict = XDP_PASS; /* volatile keeps the call */

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

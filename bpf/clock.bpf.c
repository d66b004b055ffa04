// SPDX-License-Identifier: GPL-2.0-only
/*
 * Returns the kernel's HZ, which decides datapath_config.clock_shift. Jiffies started at 2^32 - 300 * HZ
 * when the monotonic clock started at 0, so only one of the possible values of HZ fits both clocks.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define SECONDS_BEFORE_WRAP 300
#define NS 1000000000ULL

static __always_inline __u64 distance(__u64 jiffies, __u64 ns, __u64 hz)
{
	__u64 expected = (1ULL << 32) - SECONDS_BEFORE_WRAP * hz + ns / (NS / hz);

	return jiffies > expected ? jiffies - expected : expected - jiffies;
}

/* Returns 100, 250, 300 or 1000. */
SEC("syscall")
int pp_clock_hz(void *context __attribute__((unused)))
{
	__u64 ns = bpf_ktime_get_ns(), jiffies = bpf_jiffies64();
	int best = 100;

	if (distance(jiffies, ns, 250) < distance(jiffies, ns, best))
		best = 250;
	if (distance(jiffies, ns, 300) < distance(jiffies, ns, best))
		best = 300;
	if (distance(jiffies, ns, 1000) < distance(jiffies, ns, best))
		best = 1000;
	return best;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * For cost.py: BPF_PROG_TEST_RUN repeats a program on the packet as the last round left it. This one
 * writes the headers back, then jumps to the program that is measured; an empty slot measures itself.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define HEADERS 64

struct original {
	__u8 bytes[HEADERS];
	__u32 vary_at; /* where a port is that shall be another one each round; 0: none */
	__u16 next;
	__u16 pad;
	__u32 tick;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct original);
} cost_original SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cost_measured SEC(".maps");

SEC("tc")
int cost_restore(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct original *original = bpf_map_lookup_elem(&cost_original, &zero);

	if (!original)
		return 0;
	bpf_skb_store_bytes(skb, 0, original->bytes, HEADERS, 0);
	if (original->vary_at) {
		original->next++;
		bpf_skb_store_bytes(skb, original->vary_at, &original->next, 2, 0);
	}
	skb->mark = original->tick++; /* with the tests' clock (bpf/flow_cache.bpf.h) */
	bpf_tail_call(skb, &cost_measured, 0);
	return 0;
}

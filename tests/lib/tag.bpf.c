// SPDX-License-Identifier: GPL-2.0-only
/* For trust.bats: puts VLAN tags on all that leaves an interface, as a switch that sets priorities does. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define PRIORITY_5 0xa000

SEC("tc/priority")
int tag_priority(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), PRIORITY_5);
	return TC_ACT_OK;
}

SEC("tc/twice")
int tag_twice(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), PRIORITY_5);
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), PRIORITY_5);
	return TC_ACT_OK;
}

SEC("tc/vlan")
int tag_vlan(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), PRIORITY_5 | 5);
	return TC_ACT_OK;
}

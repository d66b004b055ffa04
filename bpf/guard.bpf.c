// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP guard (xdp-guard: native): drops on the uplinks, before a packet costs memory, what
 * pp_from_net would drop, with the same functions: spoofed pod sources, bogon sources, link-local
 * and own sources to pods, and unallocated addresses of local blocks. It passes everything else.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <xdp/xdp_helpers.h>

#include "bpf/local.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/pod.bpf.h"
#include "bpf/sample.bpf.h"

char _license[] SEC("license") = "GPL";

/* The guard runs before the device's other XDP programs, which get the packets that it passes. */
struct {
	__uint(priority, 10);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(pp_guard);

/* Length over all buffers: jumbo frames and merged segments have several, with the headers in the first. */
static __always_inline __u32 frame_length(struct xdp_md *xdp)
{
	return bpf_xdp_get_buff_len(xdp);
}

static __always_inline int pass(struct xdp_md *xdp)
{
	count_length(STAT_GUARD_PASS, frame_length(xdp));
	return XDP_PASS;
}

/* Parses through priority tags only (bpf/parse.bpf.h): other tags belong to VLAN interfaces. */
static __always_inline enum parsed parse_xdp(struct xdp_md *xdp, struct packet *p)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	__be16 *ethertype = data + offsetof(struct ethhdr, h_proto);
	__u32 length;
	void *l3;

	for (int i = 0; i < PRIORITY_TAGS_MAX; i++) {
		if ((void *)(ethertype + 3) > end)
			return PARSED_MALFORMED;
		if (!is_vlan(*ethertype))
			break;
		if (vlan_id(ethertype[1]))
			return PARSED_NOT_IP;
		ethertype += 2;
	}
	if ((void *)(ethertype + 1) > end)
		return PARSED_MALFORMED;
	l3 = ethertype + 1;
	length = frame_length(xdp) - (__u32)(l3 - data);
	if (*ethertype == bpf_htons(ETH_P_IP))
		return parse_ipv4(p, l3, end, length);
	if (*ethertype == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p, l3, end, length);
	return PARSED_NOT_IP;
}

static __always_inline void guard_sample(struct xdp_md *xdp, enum stat reason)
{
	struct packet p = {};
	struct event *event;

	parse_xdp(xdp, &p);
	event = bpf_ringbuf_reserve(&pp_events, sizeof(*event), 0);
	if (!event)
		return;
	event->time = bpf_ktime_get_boot_ns();
	event->reason = reason;
	event->ifindex = xdp->ingress_ifindex;
	event->length = frame_length(xdp);
	event->ethertype = p.family == FAMILY_IPV6 ? ETH_P_IPV6 : ETH_P_IP;
	event->packet = p.key;
	bpf_ringbuf_submit(event, 0);
}

static __noinline int guard_drop(struct xdp_md *xdp, enum stat reason)
{
	count_length(reason, frame_length(xdp));
	if (sample_allowed())
		guard_sample(xdp, reason);
	return XDP_DROP;
}

static __always_inline enum stat check_local(struct xdp_md *xdp, const struct packet *p)
{
	struct ranges *ranges = ranges_get();
	struct addr destination = p->key.destination;

	if (may_be_local(ranges, &p->key.source, p->family) && local_block(&p->key.source))
		return STAT_OUTSIDE_SPOOFED;
	if (!may_be_local(ranges, &destination, p->family))
		return NO_DROP;
	return check_outside_destination(xdp, xdp->ingress_ifindex, &p->key, p->family,
					 pod_cache_lookup(&destination, p->family) ||
						 bpf_map_lookup_elem(&pp_pod_ips, &destination));
}

SEC("xdp.frags")
int pp_guard(struct xdp_md *xdp)
{
	struct packet p = {};
	enum parsed parsed = parse_xdp(xdp, &p);
	enum stat reason;

	if (parsed != PARSED && parsed != PARSED_SLOW)
		return pass(xdp);
	reason = is_bogon(&p.key, p.family) ? STAT_BOGON : check_local(xdp, &p);
	return reason == NO_DROP ? pass(xdp) : guard_drop(xdp, reason);
}

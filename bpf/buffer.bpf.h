/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of the kernel's struct sk_buff that struct __sk_buff does not show. */
#ifndef PP_BUFFER_BPF_H
#define PP_BUFFER_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/config.bpf.h"

/* values of ip_summed: skb->csum is the sum over the packet; the checksum is still to be computed */
#define CHECKSUM_COMPLETE 2
#define CHECKSUM_PARTIAL 3

/* All three offsets count from the buffer's head. */
struct sk_buff___pp {
	__u8 ip_summed : 2;
	__u16 csum_start;
	__u16 csum_offset; /* from csum_start */
	__u16 network_header;
} __attribute__((preserve_access_index));

void *bpf_cast_to_kern_ctx(void *) __ksym __weak;

/*
 * ip_summed where the kernel lets programs read it directly, else CHECKSUM_COMPLETE: whoever writes
 * with helpers that keep skb->csum right is never wrong.
 */
static __always_inline __u32 checksum_state(struct __sk_buff *skb)
{
	struct sk_buff___pp *buffer;

	if (cfg.buffer_access != BUFFER_DIRECT)
		return CHECKSUM_COMPLETE;
	buffer = bpf_cast_to_kern_ctx(skb);
	return BPF_CORE_READ_BITFIELD(buffer, ip_summed);
}

#endif

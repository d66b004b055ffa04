/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_ipam: state shared by all transactions, one entry. Written only by bpf/ipam.bpf.c.
 *
 * Each transaction holds `lock` from its first to its last instruction, so transactions are serial.
 * A syscall program always runs to its end, whatever happens to its caller, so the lock cannot be
 * left behind; bpf_spin_lock would be refused in sleepable programs on 6.1. A program that finds it
 * taken returns IPAM_BUSY and its caller tries again.
 */
#ifndef PP_IPAM_H
#define PP_IPAM_H

#include <linux/types.h>

struct ipam {
	__u64 lock;          /* 0, or the time at which the holder took it (ns since boot) */
	__u64 generation;    /* of pools and blocks: incremented by each change of their structure */
	__u32 last_pool;     /* ids are never reused */
	__u32 last_block;
	__u32 last_pod;      /* generation of the last lease; 0 is none */
	__u32 slot_cursor;   /* start of the next search for a free pod slot */
	__u32 pools, blocks, leases, pods; /* counts */
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* First and last step of a transaction: the lock of pp_ipam and the caller's request. */
#ifndef PP_IPAM_LOCK_BPF_H
#define PP_IPAM_LOCK_BPF_H

#include "maps/ipam.bpf.h"
#include "maps/txn.h"

/* Takes the lock and reads the request; NULL with txn->error set if either fails. */
static __always_inline struct ipam *ipam_begin(struct txn *txn, void *request, __u32 size)
{
	__u64 now = bpf_ktime_get_boot_ns() | 1;
	__u32 zero = 0;
	struct ipam *ipam = bpf_map_lookup_elem(&pp_ipam, &zero);

	if (!ipam || __sync_val_compare_and_swap(&ipam->lock, 0, now)) {
		txn->error = IPAM_BUSY;
		return NULL;
	}
	if (bpf_copy_from_user(request, size, (void *)txn->request)) {
		__sync_lock_test_and_set(&ipam->lock, 0);
		txn->error = IPAM_FAULT;
		return NULL;
	}
	return ipam;
}

static __always_inline int ipam_end(struct ipam *ipam, struct txn *txn, enum ipam_error error)
{
	txn->error = error;
	__sync_lock_test_and_set(&ipam->lock, 0);
	return 0;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transactions of maps/txn.h. Each takes the lock of pp_ipam, reads its request, performs all
 * checks that can fail, and only then makes changes that cannot fail: the only fallible write of an
 * allocation, the lease itself, comes first.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/ipam_lease.bpf.h"
#include "bpf/ipam_lock.bpf.h"
#include "bpf/ipam_pool.bpf.h"
/* created with the first object, so that the loader fills them before a packet program runs */
#include "maps/cidrs.bpf.h"
#include "maps/config.bpf.h"
#include "maps/nomasq.bpf.h"
#include "maps/ranges.bpf.h"
#include "maps/uplinks.bpf.h"

char _license[] SEC("license") = "GPL";

SEC("syscall")
int pp_lease(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &lease_request, sizeof(lease_request));

	return ipam ? ipam_end(ipam, txn, lease_make(ipam, txn, &lease_request)) : 0;
}

SEC("syscall")
int pp_bind(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &bind_request, sizeof(bind_request));

	return ipam ? ipam_end(ipam, txn, lease_bind(txn, &bind_request)) : 0;
}

SEC("syscall")
int pp_dying(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &owner_request, sizeof(owner_request));

	return ipam ? ipam_end(ipam, txn, lease_dying(txn, &owner_request)) : 0;
}

SEC("syscall")
int pp_release(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &owner_request, sizeof(owner_request));

	return ipam ? ipam_end(ipam, txn, lease_release(ipam, txn, &owner_request)) : 0;
}

SEC("syscall")
int pp_pool_set(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &pool_request, sizeof(pool_request));

	return ipam ? ipam_end(ipam, txn, pool_set(ipam, txn, &pool_request)) : 0;
}

SEC("syscall")
int pp_pool_delete(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &pool_request, sizeof(pool_request));

	return ipam ? ipam_end(ipam, txn, pool_delete(ipam, txn, &pool_request)) : 0;
}

SEC("syscall")
int pp_block_state(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &pool_request, sizeof(pool_request));

	return ipam ? ipam_end(ipam, txn, block_states(ipam, &pool_request)) : 0;
}

SEC("syscall")
int pp_block_carve(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &block_request, sizeof(block_request));

	return ipam ? ipam_end(ipam, txn, block_carve(ipam, txn, &block_request)) : 0;
}

SEC("syscall")
int pp_block_drop(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &block_request, sizeof(block_request));

	return ipam ? ipam_end(ipam, txn, block_drop(ipam, &block_request)) : 0;
}

SEC("syscall")
int pp_block_exclude(struct txn *txn)
{
	struct ipam *ipam = ipam_begin(txn, &exclude_request, sizeof(exclude_request));

	return ipam ? ipam_end(ipam, txn, block_exclude(&exclude_request)) : 0;
}

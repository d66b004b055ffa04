// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pods' programs moved to tcx, some at a time: each attach holds the kernel's lock on all
 * interfaces for an RCU grace period, and creating a pod needs that lock a dozen times.
 */
#include <stdlib.h>
#include <time.h>

#include "loader/ipam/transactions.h"
#include "loader/pod/pod.h"
#include "loader/net/tc.h"

#define PODS_A_RUN 32 /* about a second: `apply` and `up` wait for the lock */

int pods_move_to_tcx(struct context *node, struct netlink *nl, unsigned int age, struct error *e)
{
	/* Twice the grace period: the lock is free for most of the time. */
	const struct timespec delay = { .tv_nsec = 20000000 };
	int program = pins_prog(&node->pins, PROG_POD_ENTRY), moved = 0, err;
	struct lease_entry *leases;
	__u64 now = time(NULL);
	size_t count;

	if (!tcx_exists())
		return 0;
	if (program < 0)
		return pins_error(&node->pins, "pp_pod_entry", program, e);
	err = ipam_leases(&node->pins, &leases, &count, e);
	for (size_t i = 0; err >= 0 && i < count && moved < PODS_A_RUN; i++) {
		if (leases[i].lease.state != LEASE_BOUND || now < leases[i].lease.created + age)
			continue;
		err = tc_move_to_tcx(nl, leases[i].lease.ifindex, program, e);
		if (err <= 0)
			continue;
		moved++;
		nanosleep(&delay, NULL);
	}
	free(leases);
	return err < 0 ? err : 0;
}

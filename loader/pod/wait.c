// SPDX-License-Identifier: GPL-2.0-only
/* A pod of a managed node waits for its agent, which needs the locks for what it brings. */
#include <time.h>

#include "loader/ipam/transactions.h"
#include "loader/kernel/store.h"
#include "loader/pod/pools.h"

#define POLL_MS 3
#define RETRY_MS 1000 /* what another pod gave back is announced by nobody */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool has_come(struct context *node, const struct pod_request *request, const struct pod_result *failed)
{
	json_t *object;
	struct ipam ipam;
	bool found;

	if (failed->awaits == POD_AWAITS_BLOCK)
		return ipam_read(&node->pins, &ipam, NULL) || ipam.generation != failed->generation;
	object = failed->awaits == POD_AWAITS_METADATA ?
			 pod_metadata(node, request) :
			 store_get(&node->pins, OBJECT_NAMESPACE, request->namespace);
	found = object;
	json_decref(object);
	return found;
}

uint64_t pod_deadline(uint32_t seconds)
{
	return now_ms() + seconds * 1000;
}

bool pod_await(struct context *node, const struct pod_request *request, const struct pod_result *failed,
	       uint64_t deadline)
{
	const struct timespec delay = { .tv_nsec = POLL_MS * 1000000 };
	uint64_t retry = now_ms() + RETRY_MS;

	while (failed->awaits && now_ms() < deadline) {
		if (has_come(node, request, failed) || now_ms() >= retry)
			return true;
		nanosleep(&delay, NULL);
	}
	return false;
}

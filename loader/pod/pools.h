/* SPDX-License-Identifier: GPL-2.0-only */
/* A pod's pools as ids (pinpool-ipam(7), CHOICE OF THE POOL); for pod.c. */
#ifndef PP_POD_POOLS_H
#define PP_POD_POOLS_H

#include "loader/pod/pod.h"

struct pod_pools {
	char name[FAMILIES][PP_NAME]; /* "": no address of this family */
	uint32_t id[FAMILIES];
};

/*
 * 0 or -errno with a sentence, result->note and result->awaits. If a pool does not exist (-ENOENT) the
 * demand is recorded as pending, for all families at once.
 */
int pod_pools_choose(struct context *node, const struct pod_request *request, struct pod_pools *pools,
		     struct pod_result *result, struct error *e);

/* What a managed node's agent stored of the pod, owned by the caller; NULL: nothing, or of an earlier pod of its name. */
json_t *pod_metadata(struct context *node, const struct pod_request *request);
/* Adds what of it the caller does not know; it must be freed after the request. NULL: not managed, or unknown. */
json_t *pod_request_complete(struct context *node, struct pod_request *request);

/*
 * The addresses of the pod's annotations pinpool.io/ipv4-address and …/ipv6-address
 * (pinpool-ipam(7), CHOICE OF THE ADDRESS), for families without an address of the caller. -EINVAL
 * with a sentence.
 */
int requested_addresses(struct pod_request *request, struct error *e);

/* Records the demand of all families (pinpool-ipam(7), DEMAND). */
void pod_pools_pend(struct context *node, const struct pod_request *request,
		    const struct pod_pools *pools);

#endif

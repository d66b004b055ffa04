/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pod_flows: number of flows of each pod, by its slot in pp_pods. Exact: incremented before a
 * record can be found, and decremented by the one CPU that ends it (bpf/flow_share.bpf.h). A new
 * pod in the slot starts with the old one's flows that are not swept yet, a second's worth.
 */
#ifndef PP_POD_FLOWS_H
#define PP_POD_FLOWS_H

#include <linux/types.h>

struct pod_flows {
	__u32 count;
};

#endif

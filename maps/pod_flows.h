/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pod_flows: how many records of pp_flows each pod has, by its slot in pp_pods. Exact: counted
 * before a record can be found, and uncounted by the one CPU that ends it (bpf/flow_share.bpf.h). A
 * new pod in the slot starts with what of the old one's is not yet swept, a second's worth.
 */
#ifndef PP_POD_FLOWS_H
#define PP_POD_FLOWS_H

#include <linux/types.h>

struct pod_flows {
	__u32 count;
};

#endif

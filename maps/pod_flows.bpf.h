/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POD_FLOWS_BPF_H
#define PP_POD_FLOWS_BPF_H

#include "maps/pod_flows.h"
#include "maps/pods.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PODS_MAX);
	__type(key, __u32);
	__type(value, struct pod_flows);
} pp_pod_flows SEC(".maps");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_POD_IPS_BPF_H
#define PP_POD_IPS_BPF_H

#include "maps/pods.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PODS_MAX * 2);
	__type(key, struct addr);
	__type(value, struct pod_ip);
} pp_pod_ips SEC(".maps");

#endif

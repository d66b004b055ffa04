/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_SERVICES_BPF_H
#define PP_SERVICES_BPF_H

#include "maps/services.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SERVICES_MAX);
	__type(key, struct service_key);
	__type(value, struct service);
} pp_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MEMBERS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} pp_members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BACKENDS_MAX);
	__type(key, __u32);
	__type(value, struct backend);
} pp_backends SEC(".maps");

#endif

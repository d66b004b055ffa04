/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_OBJECTS_BPF_H
#define PP_OBJECTS_BPF_H

#include "maps/objects.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct object_key);
	__type(value, struct object_chunk);
} pp_objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct object_key);
	__type(value, struct object_chunk);
} pp_nodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct object_key);
	__type(value, struct object_chunk);
} pp_metadata SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct object_key);
	__type(value, struct object_chunk);
} pp_endpoints SEC(".maps");

#endif

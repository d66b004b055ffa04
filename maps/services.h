/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services (pinpool-services(7)). Derived from Service and EndpointSlice objects; packet and socket programs
 * only read these maps.
 *
 * pp_services: frontends. The all-zero address of a family is any address of this node. An extent is a range
 * of pp_members and is replaced by one aligned 8-byte store, so that a program sees all of the old set or all
 * of the new one. A row that changes stays in place: bpf/services.bpf.c.
 *
 * pp_members: ids of backends. An extent's members never change while a program may read them.
 *
 * pp_backends: an endpoint of a service's port, by id. Its generation changes when the endpoint leaves the
 * service and when the id is used again: {id, generation} is void from then on.
 *
 * pp_source_ranges: sources that may use a frontend with SERVICE_SOURCES.
 */
#ifndef PP_SERVICES_H
#define PP_SERVICES_H

#include "maps/addr.h"

#define SERVICES_MAX 65536
#define BACKENDS_MAX 65536
#define MEMBERS_MAX (2 * BACKENDS_MAX)
#define SOURCE_RANGES_MAX 65536

struct service_key {
	struct addr address;
	__u16 port;     /* host order */
	__u8 protocol;  /* enum protocol */
	__u8 pad[5];
};

/* Of two frontends with one key the lower kind wins. */
enum service_kind {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_IP,
	SERVICE_KINDS,
};

enum service_flags {
	SERVICE_CLOSED = 1,       /* packets from outside are dropped */
	SERVICE_DROP_OUTSIDE = 2, /* without a member: dropped, not refused */
	SERVICE_DROP_INSIDE = 4,
	SERVICE_SOURCES = 8,      /* packets from outside: only those of pp_source_ranges */
};

struct extent {
	__u32 first, count;
} __attribute__((aligned(8)));

struct service {
	__u64 owner;    /* hash of namespace, service, port, family and protocol */
	__u32 id;       /* of the service's port: all its frontends have the same, and no later one has it */
	enum service_kind kind;
	__u32 flags;
	__u32 affinity; /* seconds; 0: none */
	struct extent outside, inside;
};

enum backend_state {
	BACKEND_FREE,
	BACKEND_ACTIVE,
};

struct backend {
	struct addr address;
	__u16 port; /* host order */
	__u16 pad;
	enum backend_state state;
	__u32 generation;
	__u32 service; /* struct service.id */
};

/* Context of pp_service_set. */
struct service_change {
	struct service_key key;
	struct service service;
};

/* Value: 1 */
struct source_key {
	__u32 length; /* 32 + those of the prefix */
	__u32 service;
	struct { __u8 byte[16]; } addr;
};

_Static_assert(sizeof(struct service_key) == 24, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct service) == 40, "pinned layout changed: bump PP_ABI in maps/abi.h");
_Static_assert(sizeof(struct backend) == 32, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The pinned maps and programs of a root, opened on first use. */
#ifndef PP_PINS_H
#define PP_PINS_H

#include "loader/base/error.h"
#include "loader/kernel/root.h"

enum pinned_map {
	PIN_IPAM, PIN_CONFIG, PIN_POOLS, PIN_POOL_IDS, PIN_POOL_CIDRS, PIN_BLOCKS, PIN_IPS, PIN_LEASES,
	PIN_PENDING, PIN_OBJECTS, PIN_PODS, PIN_POD_IPS, PIN_CIDRS, PIN_NOMASQ, PIN_UPLINKS,
	PIN_FLOWS, PIN_FLOW_FWD, PIN_FLOW_REV, PIN_FRAGS, PIN_INBOUND, PIN_STATS, PIN_EVENTS,
	PIN_DISPATCH, PIN_CALLS, PIN_RANGES, PIN_FLOW_TABLE, PIN_POD_FLOWS, PIN_NODE_CONNS,
	PIN_NODE_IPS, PIN_DROP_TIMES, PIN_EXCLUDED, PIN_FRAG_IDS, PIN_DEMAND, PIN_NODES,
	PIN_METADATA, PIN_ENDPOINTS, PIN_SERVICES, PIN_MEMBERS, PIN_BACKENDS, PIN_SOURCE_RANGES,
	PIN_SOCKETS, PIN_PEERS, PIN_AFFINITY, PIN_EXPIRIES,
	PIN_MAPS,
};

enum pinned_prog {
	PROG_LEASE, PROG_BIND, PROG_DYING, PROG_RELEASE, PROG_POOL_SET, PROG_POOL_DELETE,
	PROG_BLOCK_CARVE, PROG_BLOCK_DROP, PROG_BLOCK_STATE, PROG_BLOCK_EXCLUDE, PROG_POD_ENTRY, PROG_FROM_POD,
	PROG_FROM_NET, PROG_FROM_NET_SLOW, PROG_TO_NET, PROG_MASQUERADE, PROG_MASQUERADE_SLOW,
	PROG_FLOWS_ARM, PROG_FLOWS_STALE, PROG_GUARD, PROG_CLOCK, PROG_SERVICE_SET,
	PROG_CONNECT4, PROG_CONNECT6, PROG_SEND4, PROG_SEND6, PROG_RECEIVE4, PROG_RECEIVE6, PROG_GETPEERNAME4,
	PROG_GETPEERNAME6, PROG_POST_BIND4, PROG_POST_BIND6,
	PIN_PROGS,
};

extern const char *const pinned_map_names[PIN_MAPS];
extern const char *const pinned_prog_names[PIN_PROGS];

struct pins {
	struct root root;
	int map[PIN_MAPS];   /* -1: not opened yet */
	int prog[PIN_PROGS];
};

void pins_init(struct pins *pins);
void pins_close(struct pins *pins);
/* Closes the descriptors; later uses open the pins again. The root stays open. */
void pins_forget(struct pins *pins);

/* A file descriptor owned by @pins, or -errno (-ENOENT: the pin is missing). */
int pins_map(struct pins *pins, enum pinned_map map);
int pins_prog(struct pins *pins, enum pinned_prog prog);

/* A sentence for a failed pins_map or pins_prog; returns @err. */
int pins_error(struct pins *pins, const char *name, int err, struct error *e);

/* "<root>/v<ABI>/<name>" */
void pins_path(const struct pins *pins, const char *name, char *path, size_t size);

#endif

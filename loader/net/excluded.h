/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses that no pod may get because they are in use elsewhere: the node's own, those of
 * connected subnets, next hops of routes, other nodes'. Pods, blocks and routes of pinpool are not
 * among them.
 */
#ifndef PP_EXCLUDED_LOADER_H
#define PP_EXCLUDED_LOADER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/base/prefix.h"

enum exclusion_kind {
	EXCLUDED_LOCAL,    /* the node's own: a local route */
	EXCLUDED_NODE,     /* of a CiliumNode object: any but its CiliumInternalIP */
	EXCLUDED_NEXT_HOP, /* a route's gateway, unless it is a pod */
	EXCLUDED_SUBNET,   /* the kernel's route of an address, or one that a router advertised */
};

struct exclusion {
	struct prefix prefix;
	enum exclusion_kind kind;
	uint32_t ifindex;  /* 0: unknown */
	const char *node;  /* EXCLUDED_NODE: not owned */
};

struct exclusions {
	struct exclusion *list; /* once excluded_sort() has been called: by prefix, each once */
	size_t count, room;
};

/* Appends the addresses found in the routes of all tables in @nl's namespace. */
int excluded_by_routes(struct netlink *nl, struct exclusions *x, struct error *e);
/* Appends the addresses of a CiliumNode, and one thing. */
void excluded_by_node(const json_t *ciliumnode, struct exclusions *x);
void excluded_add(struct exclusions *x, enum exclusion_kind kind, const struct prefix *prefix,
		  const char *node);
void excluded_sort(struct exclusions *x);
void excluded_free(struct exclusions *x);

/* The first one that overlaps @prefix; single addresses come before subnets. NULL: none. */
const struct exclusion *excluded_find(const struct exclusions *x, const struct prefix *prefix);

/* "connected subnet 192.168.10.0/24 of eth0", "the node's own address 192.168.10.1 of eth0" */
#define EXCLUSION_TEXT 400
const char *exclusion_text(const struct exclusion *x, char text[EXCLUSION_TEXT]);

/*
 * Whether the kernel treats @addr as the node's own, as a broadcast address or as on-link. Takes
 * one request; also true for some addresses that are not excluded.
 */
bool excluded_suspect(struct netlink *nl, const struct addr *addr);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps and routes that follow from leases, blocks, pools, CiliumNodes, options and the node's addresses. */
#ifndef PP_DERIVE_H
#define PP_DERIVE_H

#include "loader/derive/rows.h"
#include "loader/net/netlink.h"
#include "loader/net/routes.h"
#include "loader/services/rules.h"

/* In the order in which they are applied. */
enum derived_map {
	/* kept by the transactions, and made again from the leases */
	MAP_IPS, MAP_BLOCKS, MAP_POOLS, MAP_IPAM, MAP_POOL_IDS, MAP_POOL_CIDRS, MAP_POD_IPS, MAP_PODS,
	/* kept by the loader */
	MAP_EXCLUDED, MAP_CIDRS, MAP_RANGES, MAP_NOMASQ,
	/* new endpoints and sets, the frontends that lead to them, and then what nobody needs any more */
	MAP_NEW_BACKENDS, MAP_MEMBERS, MAP_SOURCES, MAP_SERVICES, MAP_BACKENDS,
	DERIVED_MAPS,
};

/* Masks of maps. */
#define DERIVED_EXCLUDED (1U << MAP_EXCLUDED) /* STATE_BLOCKS, the exclusions */
#define DERIVED_CIDRS (1U << MAP_CIDRS)       /* STATE_SOURCES */
#define DERIVED_RANGES (1U << MAP_RANGES)     /* STATE_BLOCKS */
#define DERIVED_NOMASQ (1U << MAP_NOMASQ)     /* STATE_BLOCKS, STATE_REMOTE, the options */
#define DERIVED_ALL (DERIVED_EXCLUDED | DERIVED_CIDRS | DERIVED_RANGES | DERIVED_NOMASQ)
/* STATE_SERVICES, the options */
#define DERIVED_SERVICES \
	(1U << MAP_NEW_BACKENDS | 1U << MAP_MEMBERS | 1U << MAP_SOURCES | 1U << MAP_SERVICES | 1U << MAP_BACKENDS)
#define DERIVED_LEASES ((1U << MAP_EXCLUDED) - 1) /* STATE_MODEL; applied under the exclusive lock only */
#define STATE_MODEL (STATE_POOLS | STATE_BLOCKS | STATE_LEASES | STATE_PODS)

struct sources {
	struct context *node;
	const struct state *state; /* what the masks above say */
	const struct options *options;
	struct netlink *nl; /* the node's namespace; NULL: without the node's own addresses */
};

/* Brings the maps of the mask up to date. All are tried, the first error returns. */
int derived_apply(const struct sources *x, unsigned int maps, struct error *e);
/* pp_cidrs and pp_nomasq of these prefixes alone; STATE_SOURCES of state_read_some() for them is enough. */
int derived_apply_prefixes(const struct sources *x, const struct prefix *prefixes, size_t count,
			   struct error *e);
/* Reports where the maps of the mask differ; the node's own addresses in them may be older. */
int derived_compare(const struct sources *x, unsigned int maps, const struct row_report *report,
		    struct error *e);

/* Frontends of this node, computed from the objects of STATE_SERVICES; @s borrows from @state. services_free() */
void services_of(const struct context *node, const struct options *o, const struct state *state,
		 struct services *s);

/* For tables.c: these add expected rows to @rows, an array by enum derived_map. */
int lease_rows(const struct sources *x, struct row_list *rows, struct error *e);
int excluded_rows(const struct sources *x, struct row_list *rows, struct error *e);
int cidrs_rows(const struct sources *x, struct row_list *rows, struct error *e);
int ranges_rows(const struct sources *x, struct row_list *rows, struct error *e);
int nomasq_rows(const struct sources *x, struct row_list *rows, struct error *e);
/* 1: there is nothing to do. -ENOSPC: the rows are those that have room. */
int services_rows(const struct sources *x, struct row_list *rows, struct error *e);
void sum_rows(const struct state *s, const struct row_list *excluded, struct row_list *rows);
/* A row of pp_cidrs or pp_nomasq. */
void cidr_row_add(struct row_list *rows, const struct prefix *prefix, const void *value);
/* What has to be written in another way than by an update. */
int excluded_write(struct context *node, const void *key, const void *value, struct error *e);
int ranges_write(struct context *node, const void *key, const void *value, struct error *e);
int service_write(struct context *node, const void *key, const void *value, struct error *e);
int backend_write(struct context *node, const void *key, const void *value, struct error *e);
extern const struct row_table derived_tables[DERIVED_MAPS];

/* Routes; these need the exclusions. *changes (may be NULL) is increased by the routes changed. */
int sync_block_routes(const struct sources *x, unsigned int *changes, struct error *e);
/* ROUTES_UNREACHABLE with a sentence: all is well but another node has no direct route. */
#define ROUTES_UNREACHABLE 3 /* not one of BLOCKS_DRY, BLOCKS_UNLISTED */
int sync_node_routes(const struct sources *x, unsigned int *changes, struct error *e);
/* The same for the claims that there are and those of @before alone, without a look at the kernel's. */
int sync_claim_routes(const struct sources *x, const struct claim *before, size_t before_count,
		      struct error *e);
/* The route that a local block should have; false: none, it would be in the way. */
bool block_route(const struct state *s, const struct prefix *block, struct route *route);
/* Those of pods; only while no pod comes or goes. */
int sync_endpoint_routes(const struct sources *x, struct error *e);
/* The same while pods come and go. */
int sync_pod_routes(const struct sources *x, unsigned int *changes, struct error *e);

/* All our routes against the expected ones (routes_compare()). */
int derived_routes_compare(const struct sources *x,
			   void (*fn)(const struct route *route, enum routes_state state, void *arg),
			   void *arg, struct error *e);

#endif

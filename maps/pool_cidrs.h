/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_pool_cidrs: the CIDRs of each pool in list order, each with its block cursor (pinpool-ipam(7),
 * BLOCKS OF A NODE).
 */
#ifndef PP_POOL_CIDRS_H
#define PP_POOL_CIDRS_H

#include "maps/addr.h"

#define POOL_FAMILY_CIDRS 32 /* per family: the CRD's own limit */
#define POOL_CIDRS_TOTAL 262144

struct pool_cidr_key {
	__u32 pool;
	enum family family;
	__u32 index; /* position in the pool's list */
};

struct pool_cidr {
	struct prefix cidr;
	__u64 cursor; /* index of the block after the last allocated one */
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* A CiliumPodIPPool's spec as numbers, from its normalized JSON. Pure. */
#ifndef PP_POOL_SPEC_H
#define PP_POOL_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"
#include "loader/base/prefix.h"
#include "maps/abi.h"

#define POOL_CIDRS_MAX 32 /* per family: the CRD's own limit */

struct address_range {
	struct addr start, end; /* both inside */
};

struct pool_family_spec {
	bool present;
	unsigned int mask_size; /* as written: 27 */
	struct prefix cidrs[POOL_CIDRS_MAX];
	size_t cidr_count;
	struct address_range *reserved; /* owned */
	size_t reserved_count;
};

struct pool_spec {
	char name[PP_NAME];
	struct pool_family_spec family[FAMILIES];
	bool allow_first, allow_last, skip_masquerade;
	json_t *pod_selector, *namespace_selector; /* borrowed from the JSON; NULL: absent */
};

/* @json must be normalized and valid (as manifest.c writes it); -EINVAL with a sentence otherwise. */
int pool_spec_from_json(const json_t *json, struct pool_spec *spec, struct error *e);
void pool_spec_free(struct pool_spec *spec);

/*
 * Checks a single spec (pinpool-ipam(7), CHANGING POOLS): maskSize not shorter than a CIDR's own,
 * at most 16 bits apart in IPv6, right family, no overlap within the pool nor with ranges that no
 * pod can have (loopback, link-local, multicast, reserved, IPv4-mapped), reserved ranges inside a
 * CIDR with start <= end.
 */
int pool_spec_check(const struct pool_spec *spec, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expected rows of the services' maps: frontends and endpoints keep the ids that they have, a set that
 * changes gets an extent that nobody reads. Pure.
 */
#ifndef PP_SERVICES_PLAN_H
#define PP_SERVICES_PLAN_H

#include "loader/services/rules.h"

struct service_row {
	struct service_key key;
	struct service service;
};

struct backend_row {
	uint32_t id;
	struct backend backend;
};

/* The maps as they are. Ids and indexes of the arrays begin with 1: 0 is none. */
struct service_maps {
	const struct service_row *services;
	size_t service_count;
	const struct backend_row *backends; /* by id, free ones too */
	size_t backend_count;
	const uint32_t *members;
	size_t member_count;
};

struct member_row {
	uint32_t index, backend;
};

struct source_row {
	struct source_key key;
	uint32_t one;
};

/* All lists are owned. */
struct service_plan {
	struct service_row *services;
	size_t service_count;
	struct backend_row *backends; /* those in use */
	size_t backend_count;
	struct member_row *members; /* of new extents */
	size_t member_count;
	struct source_row *sources;
	size_t source_count;
	/*
	 * What a program may still be reading is written again: an id, members, or the memory of a deleted
	 * frontend for a new one.
	 */
	bool reuses;
	size_t refused; /* endpoints and sets without room */
};

void services_plan(const struct services *s, const struct service_maps *now, struct service_plan *plan);
void service_plan_free(struct service_plan *plan);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* A node's state part by part: what is wrong and what to do, for `status`. */
#ifndef PP_HEALTH_H
#define PP_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/abi.h"

#define HEALTH_TEXT 1024
#define HEALTH_PARTS 24

struct health_part {
	const char *name;
	bool ok;
	char text[HEALTH_TEXT]; /* what there is; or what is wrong; way out */
};

struct health {
	char node[PP_NAME]; /* "": unknown */
	struct health_part parts[HEALTH_PARTS];
	size_t count;
	uint64_t map_bytes, program_bytes; /* pinned, as the kernel counts */
};

/* Looks at everything; what cannot be looked at is a part that is not ok. Takes no lock. */
void health_read(const char *root, struct health *health);
bool health_is_ok(const struct health *health);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The pinned objects under a root, and the memory that the kernel counts for them. */
#ifndef PP_USAGE_H
#define PP_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/kernel/pins.h"

struct pinned {
	char name[64];
	bool program; /* false: a map */
	uint64_t bytes; /* memory_of() its descriptor */
};

/* memlock of the descriptor of a map or program */
uint64_t memory_of(int fd);

/* All maps and programs pinned under the root, maps first, by name. The caller frees *list. */
int pinned_list(const struct pins *pins, struct pinned **list, size_t *count, struct error *e);

#endif

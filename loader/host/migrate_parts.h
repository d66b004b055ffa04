/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of migrate.h. */
#ifndef PP_MIGRATE_PARTS_H
#define PP_MIGRATE_PARTS_H

#include "loader/host/abi1.h"
#include "loader/kernel/context.h"

#define ABI1_ALIGN(size) (((size) + 7) & ~7)

/*
 * A map of PP_ABI_BEFORE whole, as records of key and value, both aligned, which the caller frees. -ENOENT: its pin
 * is gone; -EUCLEAN: it has other sizes.
 */
int abi1_read(const struct root *root, const char *name, uint32_t key, uint32_t value, void **list,
	      size_t *count, struct error *e);

/*
 * Everything that is not derived, from the old maps into the new ones; the configuration into
 * node->config alone (an empty node name: the old node never came up, nothing is copied). May be repeated.
 */
int migrate_state(struct context *node, struct error *e);

#endif

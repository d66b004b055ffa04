/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block list on disk (state_file.h) in step with the maps. A block is listed before it is held, so
 * that no pod has an address of one that a reboot would forget; what the list has too much is given
 * back after a reboot. Where it cannot be written, the blocks that it has go on giving addresses.
 */
#ifndef PP_BLOCK_LIST_H
#define PP_BLOCK_LIST_H

#include "loader/kernel/context.h"
#include "maps/blocks.h"

/*
 * Writes the blocks that this node holds, and @more if it is not NULL; no write where the file says so
 * already. Under the derived lock. -EDQUOT with a sentence where the file cannot be written.
 */
int block_list_write(struct context *node, const struct block *more, struct error *e);

/* block_list_write(node, NULL) under the derived lock, which it takes. */
int block_list_catch_up(struct context *node, struct error *e);

/* Whether the file lists exactly the blocks held. A carve that is under way makes it false. */
bool block_list_is_current(struct context *node);

/* Whether another block could be listed, tried without changing the file; errors as above. */
int block_list_probe(struct context *node, struct error *e);

#endif

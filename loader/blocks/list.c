// SPDX-License-Identifier: GPL-2.0-only
/* This node's blocks, listed on disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/blocks/list.h"
#include "loader/blocks/ciliumnode.h"
#include "loader/blocks/state_file.h"
#include "loader/base/memory.h"
#include "loader/ipam/state.h"

/* The list as it should be on disk; NULL with a sentence. */
static json_t *list_of(struct context *node, const struct block *more, struct error *e)
{
	struct state state;
	json_t *json;

	if (state_read(node, STATE_POOLS | STATE_BLOCKS, &state, e))
		return NULL;
	if (more) {
		state.blocks = xrealloc(state.blocks, (state.block_count + 1) * sizeof(*state.blocks));
		state.blocks[state.block_count++] = (struct block_entry){ .block = *more };
	}
	json = ciliumnode_blocks(node, &state);
	state_free(&state);
	return json;
}

int block_list_write(struct context *node, const struct block *more, struct error *e)
{
	json_t *json;
	int err;

	if (!node->config.state_file[0])
		return 0;
	json = list_of(node, more, e);
	if (!json)
		return -EIO;
	err = state_file_write(node->config.state_file, json, e);
	json_decref(json);
	return err;
}

int block_list_catch_up(struct context *node, struct error *e)
{
	int err = root_lock_derived(&node->pins.root);

	if (err)
		return error_set(e, err, "%s: cannot lock: %s", node->pins.root.dir, strerror(-err));
	err = block_list_write(node, NULL, e);
	root_unlock_derived(&node->pins.root);
	return err;
}

bool block_list_is_current(struct context *node)
{
	bool current = true;
	json_t *json;

	if (!node->config.state_file[0])
		return true;
	json = list_of(node, NULL, NULL);
	current = json && state_file_holds(node->config.state_file, json);
	json_decref(json);
	return current;
}

int block_list_probe(struct context *node, struct error *e)
{
	json_t *json;
	int err;

	if (!node->config.state_file[0])
		return 0;
	json = list_of(node, NULL, e);
	if (!json)
		return -EIO;
	err = state_file_probe(node->config.state_file, json, e);
	json_decref(json);
	return err;
}

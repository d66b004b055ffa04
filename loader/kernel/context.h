/* SPDX-License-Identifier: GPL-2.0-only */
/* The context of a command on a node: its root, its configuration, and its effective options. */
#ifndef PP_NODE_H
#define PP_NODE_H

#include <jansson.h>

#include "loader/base/error.h"
#include "loader/options/options.h"
#include "loader/kernel/pins.h"
#include "maps/config.h"

struct context {
	struct pins pins;
	struct config config; /* pp_config when the context was opened */
};

/* Opens @root with @lock; -ENOENT with "node not up" if `up` has not run (or not to its end). */
int context_open(struct context *node, const char *root, enum root_lock lock, struct error *e);
void context_close(struct context *node);

/* Rejects a process in another network namespace than the one in which the node was brought up. */
int context_check_netns(const struct context *node, struct error *e);

/* Reads pp_config's one entry into node->config, and writes it from there. */
int context_read_config(struct context *node, struct error *e);
int context_write_config(struct context *node, struct error *e);

/* -EPERM with a sentence about @object where the node's objects come from an API server. */
int context_check_unmanaged(const struct context *node, const char *object, struct error *e);

/* options_merge() for this node. */
json_t *context_merge(const struct context *node, const json_t *config, const json_t *nodeconfigs,
		      const json_t *labels, const json_t *settings);

/* This node's labels: those of its Node, or else of its CiliumNode. Never NULL; the caller owns it. */
json_t *context_labels(struct context *node);

/* Effective options, name to string (pinpool-ipam(7), NODE DEFAULTS); the caller owns it. */
json_t *context_effective(struct context *node, struct error *e);
/* The same as values. */
int context_options(struct context *node, struct options *options, struct error *e);

#endif

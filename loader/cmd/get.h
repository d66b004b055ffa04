/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of `get`: each reads its rows, chooses those that are named, and prints them. */
#ifndef PP_CMD_GET_H
#define PP_CMD_GET_H

#include "loader/cmd/output.h"
#include "loader/kernel/context.h"
#include "loader/cmd/table.h"
#include "maps/objects.h"

struct get {
	struct node *node;
	const char *singular; /* "pool", for messages and -o name */
	enum object_kind kind; /* of get_objects() */
	const char *name; /* NULL: all */
	struct output out;
};

/* Each prints and returns 0 or -errno; -ENOENT with the sentence: nothing has this name. */
int get_pools(struct get *get, struct error *e);
int get_nodes(struct get *get, struct error *e);
int get_objects(struct get *get, struct error *e);
int get_blocks(struct get *get, struct error *e);
int get_pods(struct get *get, struct error *e);
int get_routes(struct get *get, struct error *e);
int get_flows(struct get *get, struct error *e);

/*
 * Before the first row: @matches is how many will come. 0 and nothing printed yet, or -ENOENT
 * where a name was given and nothing has it. Says "No resources found" for an empty table.
 */
int get_begin(struct get *get, size_t matches, struct error *e);
/* Prints the item as "KIND/NAME" or whole. */
void get_item(struct get *get, const char *name, json_t *item);

/*
 * A Kubernetes object as kubectl shows it: with its metadata.creationTimestamp, keys sorted.
 * Gives up the reference to @object.
 */
json_t *kubectl_object(json_t *object, uint64_t created);

/* "2025-08-02T14:48:26Z"; @text has 32 bytes. */
const char *time_text(uint64_t seconds, char *text);

#endif

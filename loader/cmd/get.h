/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kinds of `get`. A kind reads its entries and turns each into an item, which is JSON; tables are
 * columns over items. get.c chooses, sorts and prints.
 */
#ifndef PP_CMD_GET_H
#define PP_CMD_GET_H

#include <jansson.h>

#include "loader/cmd/cmd.h"
#include "loader/cmd/output.h"
#include "loader/cmd/table.h"
#include "loader/ipam/state.h"
#include "loader/kernel/clock.h"

struct get {
	const struct get_kind *kind;
	struct context *node;
	struct netlink *nl; /* if the kind needs interfaces */
	const char *name;   /* NULL: all */
	struct output out;
	/* of the kind's read() */
	void *list;         /* owned; entries of kind->size bytes */
	size_t count;
	struct state state;
	struct clock clock;
};

struct get_kind {
	const char *name;             /* "pool"; with an s for several */
	enum object_kind object;      /* its other names are those of kind_by_name() */
	bool interfaces;              /* looks at the network namespace */
	const char *name_path;        /* for -o name, in an item */
	const struct column *columns; /* ends with a NULL header */
	size_t size;
	int (*read)(struct get *get, struct error *e);
	void (*free)(struct get *get); /* NULL: free(get->list) */
	bool (*is_named)(const struct get *get, const void *entry);
	int (*order)(const void *a, const void *b, const struct get *get); /* NULL: as read */
	/* The caller owns it. For a table (get_is_table()) it has what the columns name, else what is printed. */
	json_t *(*item)(const struct get *get, const void *entry);
};

extern const struct get_kind get_pools, get_nodes, get_blocks, get_pods, get_routes, get_flows,
	get_configmaps, get_nodeconfigs, get_namespaces, get_services, get_slices, get_backends;

/* A kind of applied objects. */
int get_read_objects(struct get *get, struct error *e);
void get_free_objects(struct get *get);
bool get_is_object_named(const struct get *get, const void *entry);
json_t *get_object_item(const struct get *get, const void *entry);
#define OBJECT_KIND(name_, object_, columns_, read_)                                                       \
	{                                                                                                  \
		.name = name_, .object = object_, .name_path = "metadata.name", .columns = columns_,      \
		.size = sizeof(struct stored), .read = read_, .free = get_free_objects,                   \
		.is_named = get_is_object_named, .item = get_object_item,                                 \
	}

bool get_is_table(const struct get *get);

/*
 * A Kubernetes object as kubectl shows it: with its metadata.creationTimestamp, and keys sorted where it
 * is printed. Gives up the reference to @object.
 */
json_t *kubectl_object(const struct get *get, json_t *object, uint64_t created);

#endif

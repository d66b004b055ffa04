/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node's life: brought up, changed, kept in repair, taken down. Commands and agents call these; results
 * and warnings are in the structs, for nothing here prints. Those that can fail return 0 or -errno with a
 * sentence.
 */
#ifndef PP_NODE_LIFE_H
#define PP_NODE_LIFE_H

#include "loader/apply/apply.h"
#include "loader/host/repair.h"
#include "loader/kernel/context.h"

struct up {
	/* what is asked for */
	const char *root;
	const char *state_file; /* NULL: as before, or by the root's name */
	const char *name;       /* NULL: as before, or the host's name */
	bool managed;           /* the objects come from an API server, from now on until node_down() of all */
	const char **files;     /* manifests */
	size_t file_count;
	const char *directory;  /* of manifests, where there are no files and it exists; not read if managed */
	struct manifest manifest; /* to which the files are appended */
	json_t *settings;       /* option to value; NULL: those of the last time */
	bool require_uplink;    /* without an uplink it is an error */
	/* what comes of it, until up_free() */
	struct context node;       /* open, its root locked exclusively */
	struct apply plan;      /* results and warnings */
	struct repair repair;
	bool fresh;             /* this root had no node */
	bool is_up;             /* also if an error follows */
};

/*
 * From nothing, or from whatever is there, to a node that works. A failed attempt on a fresh root leaves
 * nothing. -EPERM: files or settings for a managed node by another than its agent.
 */
int node_up(struct up *up, struct error *e);
void up_free(struct up *up);

/*
 * Carries out @plan on a node whose root is locked exclusively, and makes true all that follows from it,
 * uplinks included. The plan gets results and warnings; plan->is_committed tells whether an error came
 * after the objects were changed.
 */
int node_apply(struct context *node, struct netlink *nl, struct apply *plan, struct error *e);

#define COLLECT_ERRORS 8
#define TCX_AFTER 600 /* most pods are gone before: those must go fast (tc.h) */

struct collected {
	unsigned int freed, repaired;
	bool pods_failed; /* @freed is not all */
	struct error errors[COLLECT_ERRORS];
	size_t error_count;
};

/*
 * Frees what crashes and administrators left behind, follows the host, does what pods had no time for.
 * A part that fails does not stop the others. Pods of @age seconds move to tcx.
 */
void node_collect(struct context *node, struct netlink *nl, unsigned int age, struct collected *c);

/* Detaches the uplinks; @all: nothing of pinpool stays but the pods' interfaces. Not up: success. */
int node_down(const char *root, bool all, struct error *e);

#endif

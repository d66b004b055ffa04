/* SPDX-License-Identifier: GPL-2.0-only */
/* What up, apply, delete and diff share. */
#ifndef PP_CMD_APPLY_H
#define PP_CMD_APPLY_H

#include "loader/apply/apply.h"
#include "loader/cmd/cmd.h"

/* The data of apply, delete and diff. */
struct input {
	struct manifest manifest;   /* of -f */
	struct apply_delete remove; /* kind 0: nothing */
	char name[STORE_NAME];      /* of what is removed */
	unsigned int flags;         /* enum apply_flags */
};

#define INPUT_OPTIONS                                           \
	OPTIONS({ "prune", 0, NULL, ARGUMENT(prune), 0 },       \
		{ "filename", 'f', "FILE|DIR|-", ARGUMENT(files), \
		  OPTION_REPEATED | OPTION_REQUIRED })

/* Reads the manifests of -f; frees them. */
int prepare_input(struct call *c, struct error *e);
void finish_input(struct call *c);

void print_warnings(const struct apply *plan);
/* The warnings, and "kind/name created|configured|…" for each object of the input if they are changed. */
void print_plan(const struct apply *plan);

#endif

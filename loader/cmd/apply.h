/* SPDX-License-Identifier: GPL-2.0-only */
/* What up, apply, delete and diff share. */
#ifndef PP_CMD_APPLY_H
#define PP_CMD_APPLY_H

#include "loader/apply/apply.h"

void print_warnings(const struct apply *plan);
/* "kind/name created|configured|unchanged|deleted|ignored" for each object of the input. */
void print_results(const struct apply *plan);
int read_manifests(char *const *files, size_t count, struct manifest *m, struct error *e);
/* The -f and --prune of apply and diff: 0, or an exit status after saying why. */
int read_arguments(int argc, char **argv, struct manifest *m, unsigned int *flags);

#endif

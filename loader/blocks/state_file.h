/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's block list on disk, a CiliumNode manifest, so that a reboot keeps the blocks and the
 * other nodes' routes stay true. Written by write, fsync and rename: it is the old or the new one.
 */
#ifndef PP_STATE_FILE_H
#define PP_STATE_FILE_H

#include "loader/base/error.h"
#include <jansson.h>

/* Follows no symlink in the last component; makes its directory (0700). */
int state_file_write(const char *path, const json_t *ciliumnode, struct error *e);
/* The path for a root: /var/lib/pinpool/node.yaml, or one named after another root. */
void state_file_path(const char *root, char *path, size_t size);

#endif

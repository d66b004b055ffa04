/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's block list on disk, a CiliumNode manifest, so that a reboot keeps the blocks and the
 * other nodes' routes stay true. Written by write, fsync and rename: it is the old or the new one.
 */
#ifndef PP_STATE_FILE_H
#define PP_STATE_FILE_H

#include "loader/base/error.h"
#include <jansson.h>
#include <stdbool.h>

/*
 * Follows no symlink in the last component; makes its directory (0700). Writes nothing if the file says
 * so already. -EDQUOT, whatever the reason, with a sentence that has it: full or read-only file system,
 * no permission, no directory. The old file is then still there, and no other.
 */
int state_file_write(const char *path, const json_t *ciliumnode, struct error *e);
/* Tries to write it under another name, which it removes; errors as above. */
int state_file_probe(const char *path, const json_t *ciliumnode, struct error *e);
/* Whether the file says exactly this. */
bool state_file_holds(const char *path, const json_t *ciliumnode);
/* The path for a root: /var/lib/pinpool/node.yaml, or one named after another root. */
void state_file_path(const char *root, char *path, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A root: the bpffs directory in which one node's state is pinned. <root>/v<ABI>/ has the maps,
 * programs under prog/ and uplink links under link/.
 *
 * Two locks, both flock(2) on directories, so that a dead process holds none: the root's (up, down,
 * apply and delete exclusively; pods share it) and the derived lock on v<ABI>, for writers of
 * everything that is derived from the maps: tries, routes, the state file.
 */
#ifndef PP_ROOT_H
#define PP_ROOT_H

#include <limits.h>
#include <stdbool.h>

#include "loader/base/error.h"

enum root_lock { ROOT_UNLOCKED, ROOT_SHARED, ROOT_EXCLUSIVE };

struct root {
	char path[PATH_MAX];    /* --root, PINPOOL_ROOT or PP_ROOT */
	char dir[PATH_MAX + 16]; /* path/v<ABI> */
	int path_fd, dir_fd;    /* -1: not open */
	bool locked;            /* shared or exclusively: objects change by nobody else */
};

/* Fills in the paths; opens nothing. -ENAMETOOLONG with a sentence. */
int root_init(struct root *root, const char *path, struct error *e);

/*
 * Creates the directories (0700), mounting bpffs if none is mounted, and opens and locks the root.
 * -EUCLEAN if state of another ABI is pinned there than PP_ABI_BEFORE, which the caller takes over.
 */
int root_create(struct root *root, enum root_lock lock, struct error *e);

/* Opens and locks an existing root; -ENOENT (not up), -EACCES, -EUCLEAN (another ABI), -ETIMEDOUT. */
int root_open(struct root *root, enum root_lock lock, struct error *e);
void root_close(struct root *root);

/* Locks exclusively and waits; a dead holder's lock is gone. Returns 0 or -errno. */
int root_lock_derived(struct root *root);
void root_unlock_derived(struct root *root);

/* Removes the pins of v<ABI>; maps and programs in use live on until their last user is gone. */
int root_remove(struct root *root, struct error *e);

/* The directory of PP_ABI_BEFORE's pins, which may not exist, and its removal. */
void root_before(const struct root *root, char *dir, size_t size);
int root_remove_before(struct root *root, struct error *e);

#endif

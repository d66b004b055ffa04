// SPDX-License-Identifier: GPL-2.0-only
/* The root directory: created, mounted, locked, checked for another ABI, removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>

#include "loader/kernel/root.h"
#include "loader/base/trace.h"
#include "maps/abi.h"

#define LOCK_SECONDS 30

int root_init(struct root *root, const char *path, struct error *e)
{
	size_t length = strlen(path);

	root->path_fd = root->dir_fd = -1;
	root->locked = false;
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (path[0] != '/')
		return error_set(e, -EINVAL, "%s: a root must be an absolute path; give --root /sys/fs/bpf/NAME", path);
	if (length >= sizeof(root->path))
		return error_set(e, -ENAMETOOLONG, "root: path too long; choose a shorter --root");
	snprintf(root->path, sizeof(root->path), "%.*s", (int)length, path);
	snprintf(root->dir, sizeof(root->dir), "%s/v%d", root->path, PP_ABI);
	return 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int mkdir_private(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int mkdir_parents(const char *path)
{
	char copy[PATH_MAX];
	int err;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *c = copy + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = 0;
		err = mkdir_private(copy);
		*c = '/';
		/*
		 * An existing parent fails like this on a read-only file system, or on one such as
		 * sysfs without mkdir.
		 */
		if (err && access(copy, F_OK))
			return err;
	}
	return mkdir_private(path);
}

/* sysfs has no mkdir: there bpffs is mounted on /sys/fs/bpf, elsewhere on the root. */
static int ensure_bpffs(const char *path, struct error *e)
{
	const char *at = strncmp(path, "/sys/fs/bpf/", 12) ? path : "/sys/fs/bpf";
	int err;

	if (is_bpffs(path))
		return 0;
	if (at == path) {
		err = mkdir_parents(path);
		if (err)
			return error_set(e, err, "%s: cannot create directory: %s", path, strerror(-err));
		if (is_bpffs(path))
			return 0;
	} else if (is_bpffs(at)) {
		err = mkdir_parents(path);
		return err ? error_set(e, err, "%s: cannot create directory: %s", path, strerror(-err)) : 0;
	}
	if (mount("bpf", at, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
		err = -errno;
		return error_set(e, err, "%s: cannot mount bpffs: %s; mount it, or run as root", at,
				 strerror(-err));
	}
	err = mkdir_parents(path);
	return err ? error_set(e, err, "%s: cannot create directory: %s", path, strerror(-err)) : 0;
}

/* The ABI of other state under the root, 0 if there is none; one that nobody can upgrade goes first. */
static int root_other_abi(const struct root *root)
{
	DIR *dir = opendir(root->path);
	struct dirent *entry;
	int abi, found = 0;
	char end;

	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "v%d%c", &abi, &end) == 1 && abi != PP_ABI &&
		    (!found || found == PP_ABI_BEFORE))
			found = abi;
	if (dir)
		closedir(dir);
	return found;
}

static int refuse_other_abi(const struct root *root, bool upgrades, struct error *e)
{
	int abi = root_other_abi(root);

	if (!abi || (upgrades && abi == PP_ABI_BEFORE))
		return 0;
	if (abi == PP_ABI_BEFORE)
		return error_set(e, -EUCLEAN,
				 "%s: holds state of ABI %d and this pinpool has ABI %d; run 'pinpool up', which upgrades it",
				 root->path, abi, PP_ABI);
	return error_set(e, -EUCLEAN,
			 "%s: holds state of ABI %d and this pinpool has ABI %d; use the pinpool that made it, or remove it with that one's 'pinpool down --all'",
			 root->path, abi, PP_ABI);
}

/* The pid that holds a lock on the directory, from /proc/locks; 0 if unknown. */
static int lock_holder(int fd)
{
	struct stat st;
	unsigned long inode;
	char line[256];
	int pid, found = 0;
	FILE *f;

	if (fstat(fd, &st))
		return 0;
	f = fopen("/proc/locks", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %*x:%*x:%lu", &pid, &inode) == 2 &&
		    inode == st.st_ino && pid != getpid())
			found = pid;
	if (f)
		fclose(f);
	return found;
}

static int lock_until(int fd, int operation, const char *path, struct error *e)
{
	const struct timespec delay = { .tv_nsec = 5000000 };
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (flock(fd, operation | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(e, -errno, "%s: cannot lock: %s", path, strerror(errno));
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= LOCK_SECONDS)
			return error_set(e, -ETIMEDOUT,
					 "%s: locked by process %d for over %d seconds; wait for it or end it",
					 path, lock_holder(fd), LOCK_SECONDS);
		nanosleep(&delay, NULL);
	}
	return 0;
}

/*
 * The root's lock, through a gate: who waits for it exclusively has the gate, so that pods that come and go
 * without end do not keep it out. A root that is being made has no gate yet.
 */
static int lock_root(struct root *root, enum root_lock lock, struct error *e)
{
	int operation = lock == ROOT_SHARED ? LOCK_SH : LOCK_EX, gate, err = 0;
	char path[sizeof(root->dir) + 8];

	snprintf(path, sizeof(path), "%s/prog", root->dir);
	gate = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (gate >= 0)
		err = lock_until(gate, operation, root->path, e);
	if (!err)
		err = lock_until(root->path_fd, operation, root->path, e);
	if (gate >= 0)
		close(gate);
	return err;
}

/* `down --all` may remove the directory while this process waits for its lock: then retries. */
static int open_locked(struct root *root, enum root_lock lock, struct error *e)
{
	struct stat ours, present;
	int err;

	root->locked = lock != ROOT_UNLOCKED;
	for (;;) {
		root->path_fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (root->path_fd < 0)
			return -errno;
		if (lock == ROOT_UNLOCKED)
			return 0;
		err = lock_root(root, lock, e);
		if (err)
			return err;
		if (!fstat(root->path_fd, &ours) && !stat(root->path, &present) &&
		    ours.st_ino == present.st_ino && ours.st_dev == present.st_dev)
			return 0;
		close(root->path_fd);
		root->path_fd = -1;
		if (access(root->path, F_OK))
			return -errno;
	}
}

static int open_dir(struct root *root)
{
	root->dir_fd = open(root->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root->dir_fd < 0 ? -errno : 0;
}

int root_open(struct root *root, enum root_lock lock, struct error *e)
{
	int err;

	if (e)
		e->text[0] = 0;
	err = open_locked(root, lock, e);
	if (!err)
		err = refuse_other_abi(root, false, e);
	if (!err)
		err = open_dir(root);
	if (!err)
		return 0;
	root_close(root);
	if (e && e->text[0])
		return err;
	if (err == -EACCES || err == -EPERM)
		return error_set(e, err, "%s: permission denied; run as root", root->path);
	if (err == -ENOENT || err == -ENOTDIR)
		return error_set(e, -ENOENT, "%s: node not up; run 'pinpool up'", root->path);
	return error_set(e, err, "%s: %s; run 'pinpool status'", root->path, strerror(-err));
}

int root_create(struct root *root, enum root_lock lock, struct error *e)
{
	static const char *const inside[] = { "", "/prog", "/link" };
	char path[PATH_MAX + 32];
	int err;

	if (geteuid())
		return error_set(e, -EPERM, "pinpool: loading programs needs root; run as root");
	err = ensure_bpffs(root->path, e);
	if (err)
		return err;
	err = open_locked(root, lock, e);
	if (err)
		return err == -ETIMEDOUT ? err : error_set(e, err, "%s: cannot open: %s", root->path, strerror(-err));
	err = refuse_other_abi(root, true, e);
	for (unsigned int i = 0; !err && i < sizeof(inside) / sizeof(inside[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root->dir, inside[i]);
		err = mkdir_private(path);
		if (err)
			error_set(e, err, "%s: cannot create directory: %s", path, strerror(-err));
	}
	if (!err) {
		err = open_dir(root);
		if (err)
			error_set(e, err, "%s: cannot open: %s", root->dir, strerror(-err));
	}
	if (err)
		root_close(root);
	return err;
}

void root_close(struct root *root)
{
	if (root->dir_fd >= 0)
		close(root->dir_fd);
	if (root->path_fd >= 0)
		close(root->path_fd);
	root->dir_fd = root->path_fd = -1;
}

int root_lock_derived(struct root *root)
{
	while (flock(root->dir_fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

void root_unlock_derived(struct root *root)
{
	flock(root->dir_fd, LOCK_UN);
}

static int remove_tree(const char *path)
{
	char child[PATH_MAX + 300];
	struct dirent *entry;
	DIR *dir = opendir(path);
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (unlink(child) && errno == EISDIR)
			err = err ?: remove_tree(child);
		else if (!access(child, F_OK))
			err = err ?: remove_tree(child);
	}
	closedir(dir);
	return rmdir(path) && errno != ENOENT ? -errno : err;
}

static int remove_dir(const char *dir, struct error *e)
{
	int err = remove_tree(dir);

	if (err)
		return error_set(e, err, "%s: cannot remove: %s", dir, strerror(-err));
	trace("%s: removed", dir);
	return 0;
}

int root_remove(struct root *root, struct error *e)
{
	int err = remove_dir(root->dir, e);

	/* not if it is a mount point, or has state of another ABI */
	if (!err)
		rmdir(root->path);
	return err;
}

void root_before(const struct root *root, char *dir, size_t size)
{
	snprintf(dir, size, "%s/v%d", root->path, PP_ABI_BEFORE);
}

int root_remove_before(struct root *root, struct error *e)
{
	char dir[sizeof(root->dir)];

	root_before(root, dir, sizeof(dir));
	return remove_dir(dir, e);
}

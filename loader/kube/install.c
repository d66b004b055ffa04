// SPDX-License-Identifier: GPL-2.0-only
/* The plugin is put on the node, and removed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/kube/install.h"
#include "loader/kube/program.h"
#include "loader/node/node.h"
#include "maps/abi.h"

#define PLUGIN "pinpool-cni"

static bool is_same(int a, int b)
{
	char x[65536], y[65536];
	off_t at = 0;
	ssize_t n;

	do {
		n = pread(a, x, sizeof(x), at);
		if (n < 0 || pread(b, y, sizeof(y), at) != n || memcmp(x, y, n))
			return false;
		at += n;
	} while (n);
	return true;
}

static int copy(int from, int to)
{
	struct stat st;

	if (fstat(from, &st))
		return -errno;
	while (st.st_size > 0) {
		ssize_t n = sendfile(to, from, NULL, st.st_size);

		if (n <= 0)
			return n ? -errno : -EIO;
		st.st_size -= n;
	}
	return fchmod(to, 0755) || fsync(to) ? -errno : 0;
}

/* A runtime may start the old one at any time: it is replaced as a whole. */
static int replace(int source, const char *path, struct error *e)
{
	char temporary[PATH_MAX + 8];
	int fd, err;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_set(e, -errno, "%s: %s; is its directory writable?", path, strerror(errno));
	err = copy(source, fd);
	close(fd);
	if (!err && rename(temporary, path))
		err = -errno;
	if (!err)
		return 0;
	unlink(temporary);
	return error_set(e, err, "%s: cannot write it: %s; is the disk full?", path, strerror(-err));
}

int install_plugin(const char *source, const char *dir, struct error *e)
{
	char path[PATH_MAX];
	int from = open(source, O_RDONLY | O_CLOEXEC), old, err = 0;

	if (from < 0)
		return error_set(e, -errno, "%s: %s; give the plugin with --source", source, strerror(errno));
	snprintf(path, sizeof(path), "%s/" PLUGIN, dir);
	old = open(path, O_RDONLY | O_CLOEXEC);
	if (old < 0 || !is_same(from, old))
		err = replace(from, path, e);
	if (old >= 0)
		close(old);
	close(from);
	return err;
}

static int remove_file(const char *path, struct error *e)
{
	if (!unlink(path) || errno == ENOENT)
		return 0;
	return error_set(e, -errno, "%s: cannot remove it: %s", path, strerror(errno));
}

/* The list first: without it the runtime starts no pod that would need the rest. */
static int uninstall(const char *dir, const char *conflist, struct error *e)
{
	char path[PATH_MAX];
	int err = remove_file(conflist, e);

	snprintf(path, sizeof(path), "%s/" PLUGIN, dir);
	if (!err)
		err = remove_file(path, e);
	return err ? err : node_down(PP_ROOT, true, e);
}

int install_main(int argc, char **argv, const char *conflist)
{
	const char *dir = "/opt/cni/bin", *source = PLUGIN_IN_IMAGE;
	bool removes = !strcmp(argv[0], "uninstall");
	const struct argument list[] = { { "cni-bin", &dir, NULL },
					 { removes ? NULL : "source", &source, NULL },
					 {} };
	struct error e = {};
	int err;

	if (!arguments_parse(argc, argv, removes ? "usage: pinpool-agent uninstall [--cni-bin DIR]\n" :
			     "usage: pinpool-agent install [--cni-bin DIR] [--source FILE]\n", list))
		return 2;
	err = removes ? uninstall(dir, conflist, &e) : install_plugin(source, dir, &e);
	if (err)
		log_line("%s", e.text);
	return err ? 1 : 0;
}

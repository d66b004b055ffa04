// SPDX-License-Identifier: GPL-2.0-only
/* The block list on disk. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/manifest/manifest.h"
#include "loader/text/text.h"
#include "loader/blocks/state_file.h"
#include "loader/base/trace.h"
#include "maps/abi.h"

#define STATE_DIR "/var/lib/pinpool"

void state_file_path(const char *root, char *path, size_t size)
{
	size_t used;

	if (!strcmp(root, PP_ROOT)) {
		snprintf(path, size, STATE_DIR "/node.yaml");
		return;
	}
	used = snprintf(path, size, STATE_DIR "/node-%s.yaml", root + 1);
	for (size_t i = sizeof(STATE_DIR); i < used && i < size; i++)
		if (path[i] == '/')
			path[i] = '-';
}

static int write_whole(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static int replace(int dir, const char *name, const char *text)
{
	char temporary[NAME_MAX + 1];
	int fd, err;

	snprintf(temporary, sizeof(temporary), ".%.200s.%d", name, getpid());
	unlinkat(dir, temporary, 0);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, text, strlen(text));
	close(fd);
	if (!err && renameat(dir, temporary, dir, name))
		err = -errno;
	if (err)
		unlinkat(dir, temporary, 0);
	else if (fsync(dir))
		err = -errno;
	return err;
}

int state_file_write(const char *path, const json_t *ciliumnode, struct error *e)
{
	char *text = json_to_yaml(ciliumnode), copy[PATH_MAX], *name;
	int dir, err;

	if (!text)
		return error_set(e, -ENOMEM, "%s: out of memory", path);
	snprintf(copy, sizeof(copy), "%s", path);
	mkdir(dirname(copy), 0700);
	dir = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = dir < 0 ? -errno : 0;
	name = strrchr(path, '/');
	if (!err)
		err = replace(dir, name ? name + 1 : path, text);
	if (dir >= 0)
		close(dir);
	free(text);
	if (err)
		return error_set(e, err, "%s: cannot write the block list: %s; give another place with --state FILE",
				 path, strerror(-err));
	trace("%s: block list written", path);
	return 0;
}

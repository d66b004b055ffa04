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

/* Makes the file @temporary with @text; on failure none is left. */
static int make_file(int dir, const char *temporary, const char *text)
{
	int fd, err;

	unlinkat(dir, temporary, 0);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, text, strlen(text));
	/* some file systems report a full disk only here */
	if (close(fd) && !err)
		err = -errno;
	if (err)
		unlinkat(dir, temporary, 0);
	return err;
}

/* Writers are serial (the derived lock), so that one that was killed leaves at most one file. */
static int replace(int dir, const char *name, const char *text)
{
	char temporary[NAME_MAX + 1];
	int err;

	snprintf(temporary, sizeof(temporary), ".%.200s.new", name);
	err = make_file(dir, temporary, text);
	if (err)
		return err;
	if (renameat(dir, temporary, dir, name)) {
		err = -errno;
		unlinkat(dir, temporary, 0);
		return err;
	}
	return fsync(dir) ? -errno : 0;
}

/* Several may try at once, and nobody reads what they write. */
static int try_file(int dir, const char *name, const char *text)
{
	char temporary[NAME_MAX + 1];
	int err;

	snprintf(temporary, sizeof(temporary), ".%.200s.%d", name, getpid());
	err = make_file(dir, temporary, text);
	if (!err)
		unlinkat(dir, temporary, 0);
	return err;
}

static bool holds_text(int dir, const char *name, const char *text)
{
	size_t length = strlen(text), got = 0;
	char *now = malloc(length + 1);
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = 1;

	while (fd >= 0 && now && n > 0 && got <= length) {
		n = read(fd, now + got, length + 1 - got);
		got += n > 0 ? n : 0;
	}
	if (fd >= 0)
		close(fd);
	n = fd >= 0 && now && !n && got == length && !memcmp(now, text, length);
	free(now);
	return n;
}

static int open_folder(const char *path)
{
	char copy[PATH_MAX];
	int dir;

	snprintf(copy, sizeof(copy), "%s", path);
	mkdir(dirname(copy), 0700);
	dir = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int put(const char *path, const json_t *ciliumnode,
	       int (*fn)(int dir, const char *name, const char *text), struct error *e)
{
	char *text = json_to_yaml(ciliumnode);
	int dir, err = 0;

	if (!text)
		return error_set(e, -ENOMEM, "%s: out of memory", path);
	dir = open_folder(path);
	if (dir < 0)
		err = dir;
	else if (fn != replace || !holds_text(dir, file_name(path), text))
		err = fn(dir, file_name(path), text);
	if (dir >= 0)
		close(dir);
	free(text);
	if (err)
		return error_set(e, -EDQUOT,
				 "%s: cannot write the block list: %s; make room on that disk, or run 'pinpool --state FILE up' with another place",
				 path, strerror(-err));
	trace("%s: block list written", path);
	return 0;
}

int state_file_write(const char *path, const json_t *ciliumnode, struct error *e)
{
	return put(path, ciliumnode, replace, e);
}

int state_file_probe(const char *path, const json_t *ciliumnode, struct error *e)
{
	return put(path, ciliumnode, try_file, e);
}

bool state_file_holds(const char *path, const json_t *ciliumnode)
{
	char *text = json_to_yaml(ciliumnode);
	int dir = open_folder(path);
	bool same = text && dir >= 0 && holds_text(dir, file_name(path), text);

	if (dir >= 0)
		close(dir);
	free(text);
	return same;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces by name or path, and short trips into them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "loader/net/netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static const char self[] = "/proc/thread-self/ns/net";

static bool is_netns(int fd)
{
	struct statfs fs;

	/* The same ioctl numbers mean other things on other file systems: only nsfs is asked. */
	return !fstatfs(fd, &fs) && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int netns_open(const char *name, struct error *e)
{
	char path[4096];
	int fd, err;

	if (!*name)
		return error_set(e, -EINVAL, "network namespace: the name is empty");
	if ((size_t)snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/",
			     name) >= sizeof(path))
		return error_set(e, -ENAMETOOLONG, "network namespace %.64s...: name too long",
				 name);
	/* The path may be anything, even a fifo that would block. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err = -errno;
		return error_set(e, err, "network namespace %s: %s", path, strerror(-err));
	}
	if (is_netns(fd))
		return fd;
	close(fd);
	return error_set(e, -EINVAL, "%s: not a network namespace; make one with ip netns add",
			 path);
}

int netns_enter(int netns, struct error *e)
{
	int err;

	if (!setns(netns, CLONE_NEWNET))
		return 0;
	err = -errno;
	return error_set(e, err, "network namespace: cannot enter: %s", strerror(-err));
}

int netns_call(int netns, int (*fn)(void *arg), void *arg)
{
	int home, err;

	if (netns < 0)
		return fn(arg);
	home = open(self, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	if (setns(netns, CLONE_NEWNET)) {
		err = -errno;
	} else {
		err = fn(arg);
		if (setns(home, CLONE_NEWNET))
			abort();
	}
	close(home);
	return err;
}

static int read_cookie(void *arg)
{
	socklen_t size = sizeof(uint64_t);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, arg, &size))
		err = -errno;
	close(fd);
	return err;
}

int netns_cookie(int netns, uint64_t *cookie, struct error *e)
{
	int err = netns_call(netns, read_cookie, cookie);

	if (err)
		return error_set(e, err, "network namespace: cannot read its cookie: %s",
				 strerror(-err));
	return 0;
}

static bool identify(int netns, struct stat *st)
{
	return netns < 0 ? !stat(self, st) : !fstat(netns, st);
}

bool netns_same(int a, int b)
{
	struct stat x, y;

	return identify(a, &x) && identify(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

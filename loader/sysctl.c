// SPDX-License-Identifier: GPL-2.0-only
/* Sysctls of the network namespace that we are in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/sysctl.h"

static int sysctl_open(const char *name, int flags, struct error *e)
{
	char path[SYSCTL_NAME + sizeof("/proc/sys/")];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = -errno;
	return error_set(e, err, "sysctl %s: cannot open: %s", name, strerror(-err));
}

static int sysctl_read(int fd, const char *name, char value[SYSCTL_VALUE], struct error *e)
{
	ssize_t n = pread(fd, value, SYSCTL_VALUE - 1, 0);
	int err = -errno;

	if (n < 0)
		return error_set(e, err, "sysctl %s: cannot read: %s", name, strerror(-err));
	if (n && value[n - 1] == '\n')
		n--;
	value[n] = 0;
	return 0;
}

int sysctl_get(const char *name, char value[SYSCTL_VALUE], struct error *e)
{
	int fd = sysctl_open(name, O_RDONLY, e), err;

	if (fd < 0)
		return fd;
	err = sysctl_read(fd, name, value, e);
	close(fd);
	return err;
}

int sysctl_set(const char *name, const char *value, char previous[SYSCTL_VALUE], struct error *e)
{
	char before[SYSCTL_VALUE], *was = previous ? previous : before;
	int fd = sysctl_open(name, O_RDWR, e), err;
	size_t size = strlen(value);

	if (fd < 0)
		return fd;
	err = sysctl_read(fd, name, was, e);
	/* some take a lock, or make the kernel work, even if nothing changes */
	if (!err && strcmp(was, value)) {
		/* an empty list is written as an empty line */
		if (size ? pwrite(fd, value, size, 0) == (ssize_t)size : pwrite(fd, "\n", 1, 0) == 1)
			err = 1;
		else
			err = error_set(e, -errno, "sysctl %s: cannot write %s: %s", name, value,
					strerror(errno));
	}
	close(fd);
	return err;
}

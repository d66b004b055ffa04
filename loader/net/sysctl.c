// SPDX-License-Identifier: GPL-2.0-only
/* Sysctls of the current network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "loader/net/sysctl.h"
#include "loader/base/trace.h"

/* A procfs of this process alone: -1 if it may not mount. */
static int mount_proc(void)
{
	int fs = fsopen("proc", FSOPEN_CLOEXEC), mount = -1;

	if (fs < 0)
		return -1;
	if (!fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	close(fs);
	return mount;
}

/*
 * The names of all namespaces' sysctls share one hash chain of a mounted procfs: an open in the
 * common one takes 4 ms at 5,000 pods. One that is mounted nowhere costs 0.1 ms in all.
 */
static int proc(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = mount_proc();
	if (fd < 0)
		fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static int sysctl_open(const char *name, int flags, struct error *e)
{
	char path[SYSCTL_NAME + sizeof("sys/")];
	int fd, err;

	snprintf(path, sizeof(path), "sys/%s", name);
	fd = openat(proc(), path, flags | O_CLOEXEC);
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
	/* A truncated list must not be written back as the complete one. */
	if (n == SYSCTL_VALUE - 1)
		return error_set(e, -E2BIG, "sysctl %s: its value is too long; shorten it", name);
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
	/* Writing some sysctls takes a lock or makes the kernel work even without a change. */
	if (!err && strcmp(was, value)) {
		/* An empty list is written as an empty line. */
		err = 1;
		if (pwrite(fd, size ? value : "\n", size ? size : 1, 0) < 0) {
			err = -errno;
			error_set(e, err, "sysctl %s: cannot write %s: %s", name, value,
				  strerror(-err));
		}
	}
	close(fd);
	if (err > 0)
		trace("sysctl %s: set from \"%s\" to \"%s\"", name, was, value);
	return err;
}

static int plan(struct sysctl_expected *w, const char *name, const char *value, struct error *e)
{
	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->value, sizeof(w->value), "%s", value);
	return sysctl_get(name, w->previous, e);
}

/* 1: planned; 0: this uplink takes no router advertisements. */
static int plan_uplink(struct sysctl_expected *w, const char *uplink, struct error *e)
{
	char name[SYSCTL_NAME];
	int err;

	snprintf(name, sizeof(name), "net/ipv6/conf/%s/accept_ra", uplink);
	err = plan(w, name, "2", e);
	if (err)
		return err == -ENOENT ? 0 : err;
	return strcmp(w->previous, "0") != 0;
}

static int plan_ports(struct sysctl_expected *w, uint16_t first, uint16_t last, struct error *e)
{
	int err = plan(w, "net/ipv4/ip_local_reserved_ports", "", e);

	if (!err)
		err = ports_merge(w->previous, first, last, w->value);
	if (err == -EINVAL || err == -ENOSPC)
		error_set(e, err, "sysctl %s: cannot add %u-%u to what is there; shorten it",
			  w->name, first, last);
	return err;
}

int sysctl_plan(const struct sysctl_host *host, struct sysctl_expected **list, size_t *count,
		struct error *e)
{
	struct sysctl_expected *w = calloc(host->uplink_count + 3, sizeof(*w));
	size_t n = 0;
	int err = 0;

	if (!w)
		abort();
	for (size_t i = 0; i < host->uplink_count && host->ipv6 && err >= 0; i++) {
		err = plan_uplink(&w[n], host->uplinks[i], e);
		n += err > 0;
	}
	if (err >= 0 && host->ipv6)
		err = plan(&w[n++], "net/ipv6/conf/all/forwarding", "1", e);
	if (err >= 0 && host->ipv4)
		err = plan(&w[n++], "net/ipv4/ip_forward", "1", e);
	if (err >= 0 && host->port_max)
		err = plan_ports(&w[n++], host->port_min, host->port_max, e);
	if (err < 0) {
		free(w);
		return err;
	}
	*list = w;
	*count = n;
	return 0;
}

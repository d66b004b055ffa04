// SPDX-License-Identifier: GPL-2.0-only
/* logFile: one write per line, so that lines of concurrent calls do not mix. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loader/cni/log.h"

/*
 * The plugin runs as root and others may write to the directory: no link is followed, and only a
 * file of our own is used.
 */
static int open_log(const char *path, struct error *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
	int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return error_set(e, -ELOOP, "%s: is a symbolic link; give logFile a path of its own", path);
	if (fd < 0)
		return error_set(e, -errno, "%s: cannot open: %s; correct logFile", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid()) {
		close(fd);
		return error_set(e, -EPERM,
				 "%s: not a regular file of ours with one link; give logFile a path of its own",
				 path);
	}
	return fd;
}

int cni_log(const char *path, const char *command, const struct cni_request *r, enum cni_code code,
	    const struct error *what, struct error *e)
{
	char line[2048], stamp[32];
	struct timespec now;
	struct tm utc;
	int fd = open_log(path, e), n, err = 0;

	if (fd < 0)
		return fd;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	n = snprintf(line, sizeof(line) - 1, "%s.%03ldZ %d %s %s %s %s: ", stamp, now.tv_nsec / 1000000,
		     getpid(), command, r->network ? r->network : "-", r->container ? r->container : "-",
		     r->ifname ? r->ifname : "-");
	n += code ? snprintf(line + n, sizeof(line) - 1 - n, "error %d: %s", code, what->text) :
		    snprintf(line + n, sizeof(line) - 1 - n, "done");
	n = n < (int)sizeof(line) - 1 ? n : (int)sizeof(line) - 2;
	for (char *c = line; c < line + n; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* one line per call, whatever a caller passes */
	line[n++] = '\n';
	if (write(fd, line, n) != n)
		err = error_set(e, -errno, "%s: cannot write: %s; correct logFile", path, strerror(errno));
	close(fd);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Sysctls of the network namespace that we are in, with what they were before. */
#ifndef PP_SYSCTL_H
#define PP_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"

#define SYSCTL_NAME 96
#define SYSCTL_VALUE 4096 /* what one write can carry */

/*
 * @name as a path: "net/ipv4/ip_forward". Without the final newline. -ENOENT: the kernel has none.
 */
int sysctl_get(const char *name, char value[SYSCTL_VALUE], struct error *e);
/*
 * Writes @value unless it stands there already: 1 changed, 0 was so, -errno. @previous (may be
 * NULL) gets what stood there.
 */
int sysctl_set(const char *name, const char *value, char previous[SYSCTL_VALUE], struct error *e);

/* One thing that `up` wants on the host; INTERFACES.md, "What pinpool sets on a host". */
struct sysctl_wanted {
	char name[SYSCTL_NAME];
	char value[SYSCTL_VALUE];
	char previous[SYSCTL_VALUE]; /* what stands there now; equal to value: nothing to do */
};

struct sysctl_host {
	bool ipv4, ipv6;              /* families in use */
	const char *const *uplinks;   /* names */
	size_t uplink_count;
	uint16_t port_min, port_max;  /* to reserve; 0: none */
};

/*
 * What must stand for @host, in the order in which it must be written (accept_ra=2 before
 * forwarding, or the kernel forgets its default routes). The caller frees *list.
 */
int sysctl_plan(const struct sysctl_host *host, struct sysctl_wanted **list, size_t *count,
		struct error *e);

/*
 * Lists of ports as ip_local_reserved_ports has them ("8080,9000-9100"). Pure; the result is sorted
 * and joined. -EINVAL: not such a list; -ENOSPC: too long for SYSCTL_VALUE.
 */
int ports_merge(const char *list, uint16_t first, uint16_t last, char merged[SYSCTL_VALUE]);
/* Takes first-last out again, but for those that @before (the list before the merge) had. */
int ports_unmerge(const char *list, uint16_t first, uint16_t last, const char *before,
		  char result[SYSCTL_VALUE]);

#endif

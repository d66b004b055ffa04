/* SPDX-License-Identifier: GPL-2.0-only */
/* Sysctls of the current network namespace, with their previous values. */
#ifndef PP_SYSCTL_H
#define PP_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"

#define SYSCTL_NAME 96
#define SYSCTL_VALUE 4096 /* limit of one write */

/* Reads @name ("net/ipv4/ip_forward") without the final newline. -ENOENT: the kernel has none. */
int sysctl_get(const char *name, char value[SYSCTL_VALUE], struct error *e);
/*
 * Writes @value unless it is set already: 1 changed, 0 unchanged, -errno. @previous (may be NULL)
 * gets the old value.
 */
int sysctl_set(const char *name, const char *value, char previous[SYSCTL_VALUE], struct error *e);

/* One sysctl that `up` sets on the host (pinpool(8), HOST SETTINGS). */
struct sysctl_expected {
	char name[SYSCTL_NAME];
	char value[SYSCTL_VALUE];
	char previous[SYSCTL_VALUE]; /* the current value; equal to value: nothing to do */
};

struct sysctl_host {
	bool ipv4, ipv6;              /* families in use */
	const char *const *uplinks;   /* names */
	size_t uplink_count;
	uint16_t port_min, port_max;  /* to reserve; 0: none */
};

/*
 * The sysctls for @host in the order in which they must be written: accept_ra=2 before forwarding,
 * or the kernel drops its default routes. The caller frees *list.
 */
int sysctl_plan(const struct sysctl_host *host, struct sysctl_expected **list, size_t *count,
		struct error *e);

/*
 * Lists of ports as ip_local_reserved_ports has them ("8080,9000-9100"). Pure; the result is sorted
 * and joined. -EINVAL: not such a list; -ENOSPC: too long for SYSCTL_VALUE.
 */
int ports_merge(const char *list, uint16_t first, uint16_t last, char merged[SYSCTL_VALUE]);
/* Removes first-last again, except ports that @before (the list before the merge) had. */
int ports_unmerge(const char *list, uint16_t first, uint16_t last, const char *before,
		  char result[SYSCTL_VALUE]);

#endif

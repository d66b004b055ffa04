/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's sysctls that forwarding needs. */
#ifndef PP_HOST_H
#define PP_HOST_H

#include "loader/kernel/context.h"
#include "loader/net/sysctl.h"

/* The sysctls of pinpool(8), HOST SETTINGS, with current and expected values. The caller frees *list. */
int host_sysctls(struct context *node, const struct options *options, struct sysctl_expected **list,
		 size_t *count, struct error *e);

/*
 * Sets them; the old values are kept for host_restore(). *changes (may be NULL) is increased by one
 * for each sysctl that was not set. All are tried; the first error is returned.
 */
int host_prepare(struct context *node, const struct options *options, unsigned int *changes,
		 struct error *e);
int host_restore(struct context *node, struct error *e);

/* "net.ipv4.ip_forward", as sysctl(8) writes it; dots of an interface's name become slashes. */
const char *sysctl_text(const char *path, char text[SYSCTL_NAME]);

#endif

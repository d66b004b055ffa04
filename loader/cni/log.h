/* SPDX-License-Identifier: GPL-2.0-only */
/* The plugin's log: one line a call, for people who look for what a runtime did. */
#ifndef PP_CNI_LOG_H
#define PP_CNI_LOG_H

#include "loader/cni/cni.h"

/*
 * Appends to @path, an absolute path, "TIME PID COMMAND NETWORK CONTAINER IFNAME: what". The file is
 * made 0600; one that is a link, not a regular file or somebody else's is left alone: -errno with a
 * sentence.
 */
int cni_log(const char *path, const char *command, const struct cni_request *r, enum cni_code code,
	    const struct error *what, struct error *e);

#endif

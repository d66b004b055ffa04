/* SPDX-License-Identifier: GPL-2.0-only */
/* The plugin's log of a runtime's calls, one line each. */
#ifndef PP_CNI_LOG_H
#define PP_CNI_LOG_H

#include "loader/cni/cni.h"

/*
 * Appends to @path, an absolute path, "TIME PID COMMAND NETWORK CONTAINER IFNAME: what". The file
 * is created with mode 0600; a link, a file that is not regular or one of another user is left
 * alone: -errno with a sentence.
 */
int cni_log(const char *path, const char *command, const struct cni_request *r, enum cni_code code,
	    const struct error *what, struct error *e);

#endif

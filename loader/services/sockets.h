/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket programs (bpf/sockets.bpf.c) and the cgroup whose sockets they translate. */
#ifndef PP_SERVICES_SOCKETS_H
#define PP_SERVICES_SOCKETS_H

#include "loader/kernel/context.h"

/*
 * Attaches the programs, which may have been loaded anew, to the cgroup where there are frontends and the
 * options want it; else detaches them. Without a cgroup of this node's they stay detached: no error.
 */
int sockets_sync(struct context *node, const struct options *options, struct error *e);
void sockets_detach(struct context *node);

enum sockets_state {
	SOCKETS_OFF,       /* by an option, without frontends, or in a network namespace of its own */
	SOCKETS_ATTACHED,
	SOCKETS_PARTLY,    /* some programs are missing, old or elsewhere */
	SOCKETS_NO_CGROUP,
};

#define SOCKETS_TEXT 512

/* The cgroup, or why there is none with the way out, in @text (SOCKETS_TEXT bytes); "": nothing to say. */
enum sockets_state sockets_read(struct context *node, const struct options *options, char *text);

#endif

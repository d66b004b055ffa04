/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network namespaces by name or path. Only the network namespace of this process ever changes,
 * never the mount namespace: pins under /sys/fs/bpf stay visible.
 */
#ifndef PP_NETNS_H
#define PP_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/base/error.h"

/*
 * Opens @name: a name under /run/netns, or a path (anything with a slash: /run/netns/x,
 * /proc/PID/ns/net, a bind mount). A close-on-exec descriptor, or -ENOENT (no such file), -EINVAL
 * (not a network namespace) or another -errno, with a sentence.
 */
int netns_open(const char *name, struct error *e);

/* Moves this process into the namespace permanently (--netns). */
int netns_enter(int netns, struct error *e);

/*
 * Calls fn(arg) inside @netns (-1: the current one) and returns its result. Aborts if it cannot
 * return, because everything after would act on the wrong namespace. fn should be short.
 */
int netns_call(int netns, int (*fn)(void *arg), void *arg);

/* The kernel's number of the namespace (-1: ours): unique until reboot, never reused. */
int netns_cookie(int netns, uint64_t *cookie, struct error *e);

/* True if both descriptors are the same namespace; -1 is ours. */
bool netns_same(int a, int b);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to the kernel's routing tables of one network namespace. Requests that change
 * something are queued and sent together: the kernel completes a sendmsg even if this process is
 * killed, and one round trip serves many. link.h, address.h, neighbour.h and route.h queue them.
 */
#ifndef PP_NETLINK_H
#define PP_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <netlink/msg.h>

#include "loader/base/error.h"

struct netlink;

/* Opens a connection into @netns (-1: where we are). The caller closes it. */
int netlink_open(struct netlink **nl, int netns, struct error *e);
void netlink_close(struct netlink *nl); /* NULL: nothing */
int netlink_fd(const struct netlink *nl); /* for ioctl(2) on the devices of its namespace */

/* Errors of one request that count as done, e.g. an address that is there already. */
enum netlink_tolerate {
	TOLERATE_NONE,
	TOLERATE_EXISTS,  /* EEXIST */
	TOLERATE_MISSING, /* ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL */
};

/*
 * A request of @type (NLM_F_REQUEST is added to @flags); never NULL, a failed malloc aborts. Fill
 * it with nla_put(): there is room for 1,000 bytes.
 */
struct nl_msg *netlink_request(int type, int flags, const void *header, int header_size);
/* Queues @msg and frees it; sends the queue when the batch is full. */
void netlink_queue(struct netlink *nl, struct nl_msg *msg, enum netlink_tolerate tolerate);
/*
 * Sends the queue and waits for the kernel's answer to each request. All are tried; returns the
 * first error since the last flush as -errno, with the kernel's own text if there is one.
 */
int netlink_flush(struct netlink *nl, struct error *e);

/*
 * Sends the queue and @msg (and frees it), a request with an answer, and calls fn for each message
 * of the answer until one returns non-zero, which becomes the result. Errors of queued requests
 * wait for netlink_flush(). A dump that was interrupted restarts: fn is called with NULL and must
 * discard its results. 0 or -errno.
 */
int netlink_ask(struct netlink *nl, struct nl_msg *msg,
		int (*fn)(const struct nlmsghdr *answer, void *arg), void *arg, struct error *e);

/*
 * Describes a request, "route 10.0.0.0/24: add it", with @mood before the verb: "cannot " for an
 * error. Returns @text.
 */
#define NETLINK_TEXT 128
const char *netlink_describe(const struct nlmsghdr *request, const char *mood, char text[NETLINK_TEXT]);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs at the traffic hooks of devices. A new pod has a clsact filter, which attaches in 0.1 ms
 * where tcx waits 7 to 16 ms for RCU, holding the lock that all pods need; later, when nobody
 * waits, it is moved to tcx, which costs 25 ns a packet less. Both die with their device. Uplinks
 * have tcx links pinned in bpffs. Without tcx (before Linux 6.6) all have filters.
 */
#ifndef PP_TC_H
#define PP_TC_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/net/netlink.h"
#include "loader/net/tcx.h"

/*
 * Queues (netlink.h): attaches the program behind descriptor @program as a filter to the ingress of
 * a new pod's host veth (packets that the pod sends); replaces an older one of ours in one step.
 * The descriptor must stay open until the flush.
 */
void tc_attach_pod(struct netlink *nl, uint32_t ifindex, int program);
/*
 * The same for a pod with rate limits: tcx at once, if the kernel has it. An ingress qdisc, by
 * which other plugins limit a pod's sending rate, then finds its place free; the clsact of a filter
 * would occupy it.
 */
int tc_attach_shaped_pod(struct netlink *nl, uint32_t ifindex, int program, struct error *e);
/* The same for a pod that may have been moved to tcx; there it is replaced at once. */
void tc_update_pod(struct netlink *nl, uint32_t ifindex, int program);
int tc_detach_pod(struct netlink *nl, uint32_t ifindex, struct error *e); /* none: success */

/*
 * Moves a pod from our filter to tcx. The tcx program is attached before the filter is removed:
 * meanwhile the packet sees tcx alone, whose verdict is final. A pod whose ingress has filters of
 * others is left unchanged, because tcx would run before them. The qdisc stays: its removal would
 * drop packets of the host to the pod. 1: attached (and waited), 0: nothing to do, or -errno.
 */
int tc_move_to_tcx(struct netlink *nl, uint32_t ifindex, int program, struct error *e);

/*
 * The same on an uplink. @pin: path in bpffs of the tcx link; an existing one is updated without
 * losing a packet, or replaced if its device is gone. Unused without tcx.
 */
int tc_attach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction, int program,
		     const char *pin, struct error *e);
/* Detaches ours, by pin and by filter; none there, or no such device: success. */
int tc_detach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		     const char *pin, struct error *e);

/* Whether the device sends by a queue, "tbf" or another; false if it cannot be read. */
bool tc_has_queue(struct netlink *nl, uint32_t ifindex);

/* The id of our program on a pod's veth, or on an uplink, in *id; 0: none. 0 or -errno. */
int tc_pod_program(struct netlink *nl, uint32_t ifindex, uint32_t *id, struct error *e);
int tc_uplink_program(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		      const char *pin, uint32_t *id, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs at the traffic hooks of devices. Pods always have a clsact filter: it dies with its
 * device, and it attaches in 0.1 ms where tcx waits 7 to 16 ms for RCU, holding the lock that all
 * pods need. Uplinks have tcx links pinned in bpffs (Linux 6.6 and later), else the same filters.
 */
#ifndef PP_TC_H
#define PP_TC_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/error.h"
#include "loader/netlink.h"

enum tc_direction { TC_INGRESS, TC_EGRESS };

/* Whether the kernel has tcx (asked once). */
bool tc_has_tcx(void);

/*
 * Queues (netlink.h). The program behind descriptor @program goes to the ingress of a pod's host
 * veth (what the pod sends) and replaces an older one of ours in one step. The descriptor must stay
 * open until the flush.
 */
void tc_attach_pod(struct netlink *nl, uint32_t ifindex, int program);
int tc_detach_pod(struct netlink *nl, uint32_t ifindex, struct error *e); /* none: success */

/*
 * The same on an uplink. @pin: where the tcx link is (to be) pinned, a path in bpffs; an existing
 * one is updated without losing a packet, or replaced if its device is gone. Unused without tcx.
 */
int tc_attach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction, int program,
		     const char *pin, struct error *e);
/* Takes ours off, by pin and by filter; none there, or no such device: success. */
int tc_detach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		     const char *pin, struct error *e);

/* The id of our program on a pod's veth, or on an uplink, in *id; 0: none. 0 or -errno. */
int tc_pod_program(struct netlink *nl, uint32_t ifindex, uint32_t *id, struct error *e);
int tc_uplink_program(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		      const char *pin, uint32_t *id, struct error *e);

#endif

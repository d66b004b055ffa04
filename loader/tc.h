/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs at the traffic hooks of devices. Uplinks have tcx links pinned in bpffs (Linux 6.6 and later)
 * or clsact filters; pods always have a clsact filter, which lives as long as its device.
 */
#ifndef PP_TC_H
#define PP_TC_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/error.h"

enum tc_direction { TC_INGRESS, TC_EGRESS };

/* Whether the kernel has tcx (asked once). */
bool tc_has_tcx(void);

/* Puts the program behind descriptor @program on a pod's host veth (ingress: what the pod sends);
 * replaces an older one of ours in one step. */
int tc_attach_pod(uint32_t ifindex, int program, struct error *e);
int tc_detach_pod(uint32_t ifindex, struct error *e); /* none there: success */

/*
 * The same on an uplink. @pin: where the tcx link is (to be) pinned, a path in bpffs; an existing one is
 * updated without losing a packet, or replaced if its device is gone. Unused with clsact.
 */
int tc_attach_uplink(uint32_t ifindex, enum tc_direction direction, int program, const char *pin,
		     struct error *e);
/* Takes ours off, by pin or by filter; none there, or no such device: success. */
int tc_detach_uplink(uint32_t ifindex, enum tc_direction direction, const char *pin,
		     struct error *e);

/* The id of our program on a pod's veth, or on an uplink; 0: none; -errno. */
int64_t tc_pod_program(uint32_t ifindex, struct error *e);
int64_t tc_uplink_program(uint32_t ifindex, enum tc_direction direction, const char *pin,
			  struct error *e);

#endif

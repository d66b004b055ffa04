/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcx programs without links: they live as long as their device and are recognized by the program's
 * name. Attaching and detaching wait for RCU (7 to 16 ms) with the lock on all interfaces;
 * replacing does not. All return 0 or -errno.
 */
#ifndef PP_TCX_H
#define PP_TCX_H

#include <stdbool.h>
#include <stdint.h>

enum tc_direction { TC_INGRESS, TC_EGRESS };

/* bpf(2)'s number of the hook. */
int tcx_hook(enum tc_direction direction);

/* Whether the kernel has tcx (probed once). */
bool tcx_exists(void);

/* Whether the program of this id has this name. */
bool tcx_is_named(uint32_t id, const char *name);

/* The program called @name on @ifindex; *id is 0 if there is none, or no tcx. */
int tcx_find(uint32_t ifindex, enum tc_direction direction, const char *name, uint32_t *id);

/* Attaches behind the existing ones, which see the packets first. Attached already: success. */
int tcx_attach(uint32_t ifindex, enum tc_direction direction, int program);
/* Replaces the program with the id @old by @program in one step. */
int tcx_replace(uint32_t ifindex, enum tc_direction direction, uint32_t old, int program);
int tcx_detach(uint32_t ifindex, enum tc_direction direction, uint32_t id);

#endif

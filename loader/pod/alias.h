/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pod's host veth says of itself in its alias (255 bytes at most), so that leases can be
 * rebuilt from the interfaces: "pinpool v1 owner=ID if=eth0 gen=7 pod=NAMESPACE/NAME". Pure.
 */
#ifndef PP_POD_ALIAS_H
#define PP_POD_ALIAS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "loader/net/link.h"
#include "maps/leases.h"

struct pod_alias {
	struct lease_owner owner;
	uint32_t generation;
	char namespace[64]; /* "": none */
	char pod[PP_NAME];  /* "": none; cut where it does not fit */
};

/* Bytes that would break it (spaces, %, control, not ASCII) are written as %20. */
void pod_alias_format(const struct pod_alias *who, char alias[LINK_ALIAS]);
/* True if @alias is one of ours; then *who is what it says. */
bool pod_alias_parse(const char *alias, struct pod_alias *who);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The alias of a pod's host veth (255 bytes at most), from which leases can be rebuilt: "pinpool v1
 * owner=ID if=eth0 gen=7 pod=NAMESPACE/NAME". Pure.
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
	char pod[PP_NAME];  /* "": none; truncated if it does not fit */
};

/* Formats @who; bytes that would break the alias (spaces, %, control, not ASCII) become %20 and so on. */
void pod_alias_format(const struct pod_alias *who, char alias[LINK_ALIAS]);
/* True if @alias is one of ours; then *who has its fields. */
bool pod_alias_parse(const char *alias, struct pod_alias *who);

#endif

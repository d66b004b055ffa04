/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of iptables-legacy and ip6tables-legacy. */
#ifndef PP_LEGACY_TABLES_H
#define PP_LEGACY_TABLES_H

#include "maps/addr.h"

enum legacy_forward {
	LEGACY_ACCEPTS, /* or there is no such table */
	LEGACY_DROPS,
	LEGACY_UNKNOWN, /* the kernel did not tell */
};

/*
 * What the policy of the chain FORWARD of table filter does in this network namespace. One that drops
 * counts as accepting if a rule of the table has @comment. Makes no table that is not there.
 */
enum legacy_forward legacy_forward(enum family family, const char *comment);

#endif

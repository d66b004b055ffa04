/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of iptables-legacy and ip6tables-legacy. */
#ifndef PP_LEGACY_TABLES_H
#define PP_LEGACY_TABLES_H

#include "maps/addr.h"

enum legacy_forward {
	LEGACY_ACCEPTS, /* or the table does not exist */
	LEGACY_DROPS,
	LEGACY_UNKNOWN, /* the kernel did not answer */
};

/*
 * The verdict of the policy of the chain FORWARD of table filter in this network namespace. A
 * dropping policy counts as accepting if a rule of the table has @comment. Does not create a
 * missing table.
 */
enum legacy_forward legacy_forward(enum family family, const char *comment);

#endif

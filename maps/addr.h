/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses and prefixes in maps: always 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC
 * 4291 2.5.5.2), so that one key serves both families.
 */
#ifndef PP_ADDR_H
#define PP_ADDR_H

#include <linux/types.h>

enum family {
	FAMILY_IPV4,
	FAMILY_IPV6,
	FAMILIES,
};

/* aligned so that clang copies and compares it as two words, not sixteen bytes */
struct addr {
	__u8 byte[16];
} __attribute__((aligned(8)));

/* length counts from the first of the 128 bits: an IPv4 /24 has length 120 */
struct prefix {
	struct addr addr;
	__u32 length;
	__u32 pad;
};

#define PREFIX_IPV4_BITS 96

_Static_assert(sizeof(struct prefix) == 24, "pinned layout changed: bump PP_ABI in maps/abi.h");

#endif

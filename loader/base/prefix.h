/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses and prefixes of maps/addr.h: text, order and arithmetic. Pure. */
#ifndef PP_PREFIX_H
#define PP_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maps/addr.h"

#define ADDR_TEXT 46   /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT 50

/* 0 or -EINVAL; IPv4 text gives a mapped address, a mapped IPv6 text is refused. */
int addr_parse(const char *text, struct addr *addr);
/* @text has ADDR_TEXT bytes; returns @text. */
const char *addr_format(const struct addr *addr, char *text);
bool addr_is_ipv4(const struct addr *addr);
enum family addr_family(const struct addr *addr);
int addr_compare(const struct addr *a, const struct addr *b);
/* addr + n; wraps at 2^128. */
struct addr addr_add(const struct addr *addr, uint64_t n);
/* a - b if it fits, else UINT64_MAX. */
uint64_t addr_distance(const struct addr *a, const struct addr *b);
struct addr addr_last(const struct prefix *prefix);

/*
 * "10.0.0.0/8" or "fd00::/48"; a bare address is refused. 0, -EINVAL (not a prefix) or 1: host bits
 * were set and are masked off in @prefix.
 */
int prefix_parse(const char *text, struct prefix *prefix);
const char *prefix_format(const struct prefix *prefix, char *text);
enum family prefix_family(const struct prefix *prefix);
/* The length in CIDR notation: 24 for 10.0.0.0/24. */
unsigned int prefix_bits(const struct prefix *prefix);
/* The inverse: @bits of @family as a length of 128 bits. */
unsigned int prefix_length(enum family family, unsigned int bits);
/* The prefix of @length bits that contains @addr. */
struct prefix prefix_of(const struct addr *addr, unsigned int length);
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);
/* Whether @outer contains @inner completely. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* Orders by address, then the shorter first; IPv4 before IPv6. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);

/* Prefixes that records of @stride bytes begin with, sorted; none overlaps another but an equal one. */
struct prefix_list {
	const void *first;
	size_t count, stride;
};

const struct prefix *prefix_list_at(const struct prefix_list *list, size_t index);
/* The first one from @from on that ends at or after @addr; count: there is none. */
size_t prefix_list_find(const struct prefix_list *list, size_t from, const struct addr *addr);

const char *family_name(enum family family); /* "ipv4", "ipv6" */

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses in programs: conversion, comparison and classification of struct addr. */
#ifndef PP_ADDRESS_BPF_H
#define PP_ADDRESS_BPF_H

#include <linux/in6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>

#include "maps/addr.h"

enum address_family {
	ADDRESS_IPV4 = 2, /* AF_INET */
	ADDRESS_IPV6 = 10,
};

/* The address as two words in memory order: one 8-byte access each, no store-forwarding stall. */
struct addr_words {
	__u64 high, low;
};

static __always_inline struct addr_words *addr_words(const struct addr *a)
{
	return (struct addr_words *)a;
}

static __always_inline bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_words(a)->low == addr_words(b)->low && addr_words(a)->high == addr_words(b)->high;
}

static __always_inline bool addr_is_zero(const struct addr *a)
{
	return !addr_words(a)->low && !addr_words(a)->high;
}

/* @ip: in network order. */
static __always_inline void addr_from_ipv4(struct addr *a, __be32 ip)
{
	addr_words(a)->high = 0;
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		addr_words(a)->low = (__u64)ip << 32 | 0xffff0000;
	else
		addr_words(a)->low = 0xffff00000000ULL | ip;
}

static __always_inline void addr_from_ipv6(struct addr *a, const struct in6_addr *ip)
{
	__builtin_memcpy(a, ip, sizeof(*a));
}

static __always_inline __be32 addr_ipv4(const struct addr *a)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		return addr_words(a)->low >> 32;
	return addr_words(a)->low;
}

/* One byte, read through its word: a byte access would make clang split the address in memory. */
static __always_inline __u8 addr_byte(const struct addr *a, __u32 index)
{
	__u64 word = index < 8 ? addr_words(a)->high : addr_words(a)->low;

	return bpf_be64_to_cpu(word) >> (56 - index % 8 * 8);
}

/* ::ffff:a.b.c.d. An IPv6 packet with such an address would be mistaken for IPv4, so it is malformed. */
static __always_inline bool addr_is_mapped(const struct addr *a)
{
	return !addr_words(a)->high && (addr_words(a)->low & bpf_cpu_to_be64(0xffffffff00000000ULL)) ==
					       bpf_cpu_to_be64(0x0000ffff00000000ULL);
}

static __always_inline bool addr_is_multicast(const struct addr *a, enum family family)
{
	if (family == FAMILY_IPV6)
		return addr_byte(a, 0) == 0xff;
	return (addr_byte(a, 12) & 0xf0) == 0xe0 || addr_ipv4(a) == 0xffffffff;
}

/* Not a host address: this network, loopback, reserved; ::, ::1. */
static __always_inline bool addr_is_martian(const struct addr *a, enum family family)
{
	if (family == FAMILY_IPV6)
		return !addr_words(a)->high && addr_words(a)->low <= bpf_cpu_to_be64(1) &&
		       (!addr_words(a)->low || addr_words(a)->low == bpf_cpu_to_be64(1));
	return addr_byte(a, 12) == 0 || addr_byte(a, 12) == 127 || (addr_byte(a, 12) & 0xf0) == 0xf0;
}

static __always_inline bool addr_is_link_local(const struct addr *a, enum family family)
{
	if (family == FAMILY_IPV6)
		return addr_byte(a, 0) == 0xfe && (addr_byte(a, 1) & 0xc0) == 0x80;
	return addr_byte(a, 12) == 169 && addr_byte(a, 13) == 254;
}

#define POD_GATEWAY 0xa9fe0101 /* 169.254.1.1: loader/pod/route.h */

/*
 * Link-local destinations that are never forwarded. For IPv4 this is only 169.254.1.1, the gateway
 * of pods: clouds serve metadata, DNS and NTP at others, over whichever link the route names.
 */
static __always_inline bool addr_is_link_only(const struct addr *a, enum family family)
{
	if (family == FAMILY_IPV6)
		return addr_is_link_local(a, family);
	return addr_ipv4(a) == bpf_htonl(POD_GATEWAY);
}

#endif

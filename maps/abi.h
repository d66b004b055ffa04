/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Version of all map layouts. Pins live in <root>/v<PP_ABI>/; a change of a map's key, value, type
 * or size must raise it (tests/bats/abi.bats compares the BTF).
 */
#ifndef PP_ABI_H
#define PP_ABI_H

#define PP_ABI 2
#define PP_ABI_BEFORE 1 /* what `pinpool up` takes over: loader/host/migrate.h */
#define PP_ROOT "/sys/fs/bpf/pinpool"

/* Size of an object's name: a DNS subdomain of at most 253 bytes (RFC 1123) and its NUL. */
#define PP_NAME 256

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pp_ips: bitmap of allocated addresses. Address n of a block is bit n % 64 of word n / 64 % 8 of
 * chunk n / 512. Reserved addresses are never set: struct block has the usable range. Written by
 * transactions, read by the guard.
 */
#ifndef PP_IPS_H
#define PP_IPS_H

#include <linux/types.h>

#define CHUNK_ADDRESSES 512
#define CHUNK_WORDS (CHUNK_ADDRESSES / 64)
#define CHUNKS_MAX 131072 /* of all blocks together */

struct ips_key {
	__u32 block;
	__u32 chunk;
};

struct ips_chunk {
	__u64 word[CHUNK_WORDS];
};

#endif

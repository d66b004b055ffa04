/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Next-fit search in the address bitmap of a block (pinpool-ipam(7), CHOICE OF THE ADDRESS). At
 * most three chunks are read.
 */
#ifndef PP_BITMAP_BPF_H
#define PP_BITMAP_BPF_H

#include "maps/blocks.h"
#include "maps/excluded.bpf.h"
#include "maps/ips.bpf.h"

#define NO_OFFSET 0xffffffff

/*
 * Global functions are verified once, for any argument. The verifier would follow static ones
 * through every chunk and bit of every caller.
 */
__noinline __u32 lowest_bit(__u64 word)
{
	__u32 n = 0;

	for (__u32 half = 32; half; half >>= 1) {
		if (!(word & ((1ULL << half) - 1))) {
			word >>= half;
			n += half;
		}
	}
	return n;
}

/* Bits in [from, to) of the word that starts at offset @base. */
static __always_inline __u64 bits_between(__u32 base, __u32 from, __u32 to)
{
	__u64 bits = ~0ULL;

	if (from >= base + 64 || to <= base)
		return 0;
	if (from > base)
		bits &= ~0ULL << (from - base);
	if (to < base + 64)
		bits &= (1ULL << (to - base)) - 1;
	return bits;
}

/* The first free offset of a chunk in [from, to), or NO_OFFSET. */
__noinline __u32 chunk_find(__u32 block, __u32 index, __u32 from, __u32 to)
{
	struct ips_key key = { .block = block, .chunk = index };
	struct ips_chunk *chunk = bpf_map_lookup_elem(&pp_ips, &key);
	struct ips_chunk *excluded = bpf_map_lookup_elem(&pp_excluded, &key);

	if (!chunk)
		return NO_OFFSET;
	for (__u32 w = 0; w < CHUNK_WORDS; w++) {
		__u32 base = index * CHUNK_ADDRESSES + w * 64;
		__u64 free = ~chunk->word[w] & bits_between(base, from, to);

		if (excluded)
			free &= ~excluded->word[w];
		if (free)
			return base + lowest_bit(free);
	}
	return NO_OFFSET;
}

/* First chunk from @start on that is not full; 128 if all are. */
static __always_inline __u32 chunk_next(const struct block *block, __u32 start)
{
	for (__u32 w = 0; w < 2; w++) {
		__u64 free = ~block->full[w] & bits_between(w * 64, start, 128);

		if (free)
			return w * 64 + lowest_bit(free);
	}
	return 128;
}

/* First free address of the block from its cursor on; NO_OFFSET if the block is full. */
static __always_inline __u32 bitmap_find(__u32 id, const struct block *block)
{
	__u32 from = block->cursor, offset, index;

	if (from < block->low || from >= block->high)
		from = block->low;
	offset = chunk_find(id, from / CHUNK_ADDRESSES, from, block->high);
	if (offset != NO_OFFSET)
		return offset;
	index = chunk_next(block, from / CHUNK_ADDRESSES + 1);
	if (index * CHUNK_ADDRESSES >= block->high)
		index = chunk_next(block, 0); /* wrap around; also the first chunk, below the cursor */
	return chunk_find(id, index, block->low, block->high);
}

static __always_inline __u64 *bitmap_word(__u32 id, __u32 offset)
{
	struct ips_key key = { .block = id, .chunk = offset / CHUNK_ADDRESSES };
	struct ips_chunk *chunk = bpf_map_lookup_elem(&pp_ips, &key);

	return chunk ? &chunk->word[offset / 64 % CHUNK_WORDS] : NULL;
}

static __always_inline bool offset_is_excluded(__u32 id, __u32 offset)
{
	struct ips_key key = { .block = id, .chunk = offset / CHUNK_ADDRESSES };
	struct ips_chunk *chunk = bpf_map_lookup_elem(&pp_excluded, &key);

	return chunk && chunk->word[offset / 64 % CHUNK_WORDS] & 1ULL << (offset % 64);
}

static __always_inline void full_set(struct block *block, __u32 index, int full)
{
	__u64 bit = 1ULL << (index % 64);

	if (full)
		block->full[index / 64 % 2] |= bit;
	else
		block->full[index / 64 % 2] &= ~bit;
}

#endif

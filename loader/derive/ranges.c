// SPDX-License-Identifier: GPL-2.0-only
/* pp_ranges: a few prefixes that together cover all local blocks, and a filter of the node's addresses. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/derive/derive.h"
#include "loader/net/address.h"
#include "maps/ranges.h"

/* The longest prefix that covers both. */
static struct prefix common(const struct prefix *a, const struct prefix *b)
{
	unsigned int length = a->length < b->length ? a->length : b->length, same = 0;

	for (unsigned int i = 0; i < 16 && same == i * 8; i++) {
		unsigned int differ = a->addr.byte[i] ^ b->addr.byte[i];

		same += differ ? (unsigned int)__builtin_clz(differ) - 24 : 8;
	}
	return prefix_of(&a->addr, same < length ? same : length);
}

/* Sorted neighbours that have least in common are split, until there are RANGES_MAX groups. */
static size_t group(const struct prefix *sorted, size_t count, struct prefix *groups)
{
	size_t splits[RANGES_MAX] = {}, split_count = 0, used = 0;

	for (size_t n = 1; n < RANGES_MAX && n < count; n++) {
		unsigned int best = 129;
		size_t at = 0;

		for (size_t i = 1; i < count; i++) {
			struct prefix c = common(&sorted[i - 1], &sorted[i]);
			bool taken = false;

			for (size_t s = 0; s < split_count; s++)
				taken |= splits[s] == i;
			if (!taken && c.length < best && c.length < sorted[i].length) {
				best = c.length;
				at = i;
			}
		}
		if (at)
			splits[split_count++] = at;
	}
	for (size_t i = 0; i < count; i++) {
		bool starts = !i;

		for (size_t s = 0; s < split_count; s++)
			starts |= splits[s] == i;
		if (starts)
			groups[used++] = sorted[i];
		else
			groups[used - 1] = common(&groups[used - 1], &sorted[i]);
	}
	return used;
}

static void fill_ipv4(struct ranges *r, const struct prefix *groups, size_t count)
{
	r->count[FAMILY_IPV4] = count;
	for (size_t i = 0; i < count; i++) {
		unsigned int bits = prefix_bits(&groups[i]);

		memcpy(&r->ipv4[i].network, groups[i].addr.byte + 12, 4);
		r->ipv4[i].mask = htonl(bits ? ~0U << (32 - bits) : 0);
	}
}

static void fill_ipv6(struct ranges *r, const struct prefix *groups, size_t count)
{
	r->count[FAMILY_IPV6] = count;
	for (size_t i = 0; i < count; i++) {
		unsigned int bits = groups[i].length < 64 ? groups[i].length : 64;

		memcpy(&r->ipv6[i].network, groups[i].addr.byte, 8);
		for (unsigned int b = 0; b < bits; b++)
			((__u8 *)&r->ipv6[i].mask)[b / 8] |= 0x80 >> (b % 8);
	}
}

static struct ranges expected_ranges(const struct state *s)
{
	struct prefix *list = xcalloc(s->block_count, sizeof(*list)), groups[RANGES_MAX];
	struct ranges r = {};

	for (int f = 0; f < FAMILIES; f++) {
		size_t n = 0;

		for (size_t i = 0; i < s->block_count; i++)
			if (s->blocks_by_prefix[i]->block.family == (enum family)f)
				list[n++] = s->blocks_by_prefix[i]->block.prefix;
		n = group(list, n, groups);
		if (f == FAMILY_IPV4)
			fill_ipv4(&r, groups, n);
		else
			fill_ipv6(&r, groups, n);
	}
	free(list);
	return r;
}

static int fill_own(struct ranges *r, struct netlink *nl, struct error *e)
{
	struct address *own = NULL;
	size_t count = 0;
	int err = address_list(nl, &own, &count, e);

	for (size_t i = 0; i < count; i++) {
		__u64 word[2];
		__u32 bit;

		memcpy(word, own[i].addr.byte, sizeof(word));
		bit = own_bit(word[0], word[1]);
		r->own[bit / 64] |= 1ULL << bit % 64;
	}
	free(own);
	return err;
}

int ranges_rows(const struct sources *x, struct row_list *rows, struct error *e)
{
	struct ranges r = expected_ranges(x->state);
	int err = x->nl ? fill_own(&r, x->nl, e) : 0;
	__u32 zero = 0;

	if (!err)
		rows_add(&rows[MAP_RANGES], &zero, &r);
	return err;
}

/* No packet may see new prefixes with the old counts: in between, everything is looked up. */
int ranges_write(struct context *node, const void *key, const void *value, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_RANGES);
	struct ranges unknown;

	memcpy(&unknown, value, sizeof(unknown));
	unknown.count[FAMILY_IPV4] = unknown.count[FAMILY_IPV6] = 0;
	if (bpf_map_update_elem(fd, key, &unknown, BPF_ANY) || bpf_map_update_elem(fd, key, value, BPF_ANY))
		return pins_error(&node->pins, "pp_ranges", -errno, e);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Addresses and prefixes: text, order and arithmetic on 128 bits. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/prefix.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static unsigned __int128 addr_number(const struct addr *addr)
{
	unsigned __int128 n = 0;

	for (int i = 0; i < 16; i++)
		n = n << 8 | addr->byte[i];
	return n;
}

static struct addr number_addr(unsigned __int128 n)
{
	struct addr addr;

	for (int i = 15; i >= 0; i--, n >>= 8)
		addr.byte[i] = (uint8_t)n;
	return addr;
}

static unsigned __int128 host_mask(unsigned int length)
{
	return length ? ((unsigned __int128)1 << (128 - length)) - 1 : ~(unsigned __int128)0;
}

int addr_parse(const char *text, struct addr *addr)
{
	struct addr out = {};

	if (inet_pton(AF_INET, text, out.byte + 12) == 1)
		memcpy(out.byte, mapped, sizeof(mapped));
	else if (inet_pton(AF_INET6, text, out.byte) != 1 || addr_is_ipv4(&out))
		return -EINVAL;
	*addr = out;
	return 0;
}

bool addr_is_ipv4(const struct addr *addr)
{
	return !memcmp(addr->byte, mapped, sizeof(mapped));
}

enum family addr_family(const struct addr *addr)
{
	return addr_is_ipv4(addr) ? FAMILY_IPV4 : FAMILY_IPV6;
}

const char *addr_format(const struct addr *addr, char *text)
{
	if (addr_is_ipv4(addr))
		inet_ntop(AF_INET, addr->byte + 12, text, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, addr->byte, text, ADDR_TEXT);
	return text;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	bool v4a = addr_is_ipv4(a), v4b = addr_is_ipv4(b);

	if (v4a != v4b)
		return v4a ? -1 : 1;
	return memcmp(a->byte, b->byte, sizeof(a->byte));
}

struct addr addr_add(const struct addr *addr, uint64_t n)
{
	return number_addr(addr_number(addr) + n);
}

uint64_t addr_distance(const struct addr *a, const struct addr *b)
{
	unsigned __int128 d = addr_number(a) - addr_number(b);

	return d > UINT64_MAX ? UINT64_MAX : (uint64_t)d;
}

struct addr addr_last(const struct prefix *prefix)
{
	return number_addr(addr_number(&prefix->addr) | host_mask(prefix->length));
}

struct prefix prefix_of(const struct addr *addr, unsigned int length)
{
	struct prefix p = { .length = length };

	p.addr = number_addr(addr_number(addr) & ~host_mask(length));
	return p;
}

int prefix_parse(const char *text, struct prefix *prefix)
{
	char head[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	struct addr addr;
	unsigned int bits = 0, digits = 0;

	if (!slash || (size_t)(slash - text) >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, slash - text);
	head[slash - text] = 0;
	if (addr_parse(head, &addr))
		return -EINVAL;
	for (const char *c = slash + 1; *c; c++, digits++) {
		if (*c < '0' || *c > '9' || digits > 2 || (digits && !bits))
			return -EINVAL;
		bits = bits * 10 + (*c - '0');
	}
	if (!digits || bits > (addr_is_ipv4(&addr) ? 32 : 128))
		return -EINVAL;
	*prefix = prefix_of(&addr, prefix_length(addr_family(&addr), bits));
	return addr_compare(&addr, &prefix->addr) != 0;
}

enum family prefix_family(const struct prefix *prefix)
{
	return prefix->length >= PREFIX_IPV4_BITS ? addr_family(&prefix->addr) : FAMILY_IPV6;
}

unsigned int prefix_bits(const struct prefix *prefix)
{
	return prefix->length - (prefix_family(prefix) == FAMILY_IPV4 ? PREFIX_IPV4_BITS : 0);
}

unsigned int prefix_length(enum family family, unsigned int bits)
{
	return bits + (family == FAMILY_IPV4 ? PREFIX_IPV4_BITS : 0);
}

const char *prefix_format(const struct prefix *prefix, char *text)
{
	char addr[ADDR_TEXT];

	snprintf(text, PREFIX_TEXT, "%s/%u", addr_format(&prefix->addr, addr), prefix_bits(prefix));
	return text;
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	struct prefix p = prefix_of(addr, prefix->length);

	return !memcmp(&p.addr, &prefix->addr, sizeof(p.addr));
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return inner->length >= outer->length && prefix_contains(outer, &inner->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = (int)prefix_family(a) - (int)prefix_family(b);

	if (!order)
		order = addr_compare(&a->addr, &b->addr);
	return order ? order : (int)a->length - (int)b->length;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

const char *family_name(enum family family)
{
	return family == FAMILY_IPV4 ? "ipv4" : "ipv6";
}

const struct prefix *prefix_list_at(const struct prefix_list *list, size_t index)
{
	return (const struct prefix *)((const char *)list->first + index * list->stride);
}

static bool ends_before(const struct prefix_list *list, size_t index, const struct addr *addr)
{
	struct addr last = addr_last(prefix_list_at(list, index));

	return addr_compare(&last, addr) < 0;
}

size_t prefix_list_find(const struct prefix_list *list, size_t from, const struct addr *addr)
{
	size_t low = from, high = list->count;

	/* who goes through neighbours finds the next one at once */
	for (int i = 0; i < 2 && low < high; i++, low++)
		if (!ends_before(list, low, addr))
			return low;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ends_before(list, middle, addr))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

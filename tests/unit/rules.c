// SPDX-License-Identifier: GPL-2.0-only
/* The rules of pinpool-ipam(7) as tables of cases, and properties against naive references. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/ipam/rules.h"
#include "tests/lib/tap.h"

#define LIST(array, n) ((struct prefix_list){ array, n, sizeof(*(array)) })

static struct prefix prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) < 0)
		abort();
	return p;
}

static struct address_range range(const char *start, const char *end)
{
	struct address_range r;

	if (addr_parse(start, &r.start) || addr_parse(end, &r.end))
		abort();
	return r;
}

/* A fixed sequence, so that a failure can be played again. */
static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33) % n;
}

static void test_block_sizes(void)
{
	static const struct {
		const char *block;
		bool first, last;
		uint32_t size, low, high;
	} cases[] = {
		{ "10.0.0.0/27", false, false, 32, 1, 31 },
		{ "10.0.0.0/27", true, false, 32, 0, 31 },
		{ "10.0.0.0/27", false, true, 32, 1, 32 },
		{ "10.0.0.0/27", true, true, 32, 0, 32 },
		{ "10.0.0.0/28", false, false, 16, 1, 15 },
		{ "10.0.0.0/30", false, false, 4, 1, 3 },
		{ "10.0.0.0/31", false, false, 2, 0, 2 },
		{ "10.0.0.1/32", false, false, 1, 0, 1 },
		{ "10.0.0.0/16", false, false, 65536, 1, 65535 },
		{ "10.0.0.0/8", false, false, 65536, 1, 65535 },
		{ "0.0.0.0/0", true, true, 65536, 0, 65536 },
		{ "fd00::/64", false, false, 65536, 1, 65535 },
		{ "fd00::/112", false, false, 65536, 1, 65535 },
		{ "fd00::/113", false, false, 32768, 1, 32767 },
		{ "fd00::/126", false, false, 4, 1, 3 },
		{ "fd00::/127", false, false, 2, 0, 2 },
		{ "fd00::1/128", false, false, 1, 0, 1 },
		{ "::/0", false, false, 65536, 1, 65535 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix block = prefix(cases[i].block);
		uint32_t low, high;

		block_range(&block, cases[i].first, cases[i].last, &low, &high);
		ok(block_size(&block) == cases[i].size && low == cases[i].low &&
			   high == cases[i].high,
		   "%s%s%s: %u tracked, [%u, %u) usable", cases[i].block,
		   cases[i].first ? " allowFirstIP" : "", cases[i].last ? " allowLastIP" : "",
		   cases[i].size, cases[i].low, cases[i].high);
	}
}

static void test_demand(void)
{
	static const struct {
		uint32_t in_use, pending, pre, needed;
	} cases[] = {
		/* examples for pinpool-ipam(7), DEMAND */
		{ 0, 0, 16, 16 }, { 0, 1, 16, 32 }, { 15, 0, 16, 32 }, { 16, 0, 16, 32 },
		{ 17, 0, 16, 48 }, { 0, 0, 8, 8 }, { 1, 0, 8, 16 }, { 8, 0, 8, 16 },
		{ 31, 0, 8, 40 },
		/* pre-allocation 0: what is used and waited for */
		{ 0, 0, 0, 0 }, { 1, 0, 0, 1 }, { 3, 4, 0, 7 },
		/* the seed's node: one pod of default, one of mars */
		{ 1, 0, 8, 16 }, { 1, 0, 0, 1 },
		{ 5, 0, 1, 6 }, { 0, 0, 1, 1 },
		{ UINT32_MAX, 0, 0, UINT32_MAX }, { UINT32_MAX, UINT32_MAX, 0, UINT32_MAX },
		{ UINT32_MAX, 1, 8, UINT32_MAX }, { 1, 0, UINT32_MAX, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(demand_needed(cases[i].in_use, cases[i].pending, cases[i].pre) ==
			   cases[i].needed,
		   "needed of %u used, %u pending, p=%u is %u", cases[i].in_use, cases[i].pending,
		   cases[i].pre, cases[i].needed);
	for (uint32_t pre = 1; pre <= 40; pre++) {
		bool fits = true;

		for (uint32_t demand = 0; demand < 500; demand++) {
			uint32_t headroom = demand_needed(demand, 0, pre) - demand;

			fits &= headroom >= pre && headroom <= 2 * pre - 1;
		}
		ok(fits, "p=%u: free headroom is p to 2p-1 for any demand", pre);
	}
}

struct release_case {
	const char *name;
	struct block_view blocks[4];
	size_t count;
	uint32_t pre, dropped; /* dropped: one bit a block */
};

static void test_release(void)
{
	static const struct release_case cases[] = {
		/* examples for pinpool-ipam(7), BLOCKS OF A NODE */
		{ "two /28, nothing used, p=8: one is dropped",
		  { { .usable = 14 }, { .usable = 14 } }, 2, 8, 0x2 },
		{ "two /28, 2 used in the first, p=8: both kept",
		  { { .usable = 14, .used = 2 }, { .usable = 14 } }, 2, 8, 0 },
		{ "three /27, 20 used in the first, p=8: one empty one dropped",
		  { { .usable = 30, .used = 20 }, { .usable = 30 }, { .usable = 30 } }, 3, 8, 0x4 },
		{ "three /27 with one address each: none dropped",
		  { { .usable = 30, .used = 1 }, { .usable = 30, .used = 1 },
		    { .usable = 30, .used = 1 } }, 3, 8, 0 },
		{ "30 pods on a draining /27, p=8: no churn",
		  { { .usable = 30, .used = 30, .draining = true }, { .usable = 30 } }, 2, 8, 0 },
		{ "an empty draining block goes", { { .usable = 30, .draining = true },
		  { .usable = 30 } }, 2, 8, 0x1 },
		{ "an empty draining block goes even if nothing else is left",
		  { { .usable = 30, .draining = true } }, 1, 8, 0x1 },
		{ "free addresses of a draining block do not count",
		  { { .usable = 30, .used = 1, .draining = true }, { .usable = 14 } }, 2, 8, 0 },
		{ "p=0 and nothing used: all go", { { .usable = 30 }, { .usable = 30 } }, 2, 0, 0x3 },
		{ "p=0: a used one stays, from last to first",
		  { { .usable = 30 }, { .usable = 30, .used = 1 }, { .usable = 30 } }, 3, 0, 0x5 },
		{ "the later of two equal ones goes",
		  { { .usable = 30 }, { .usable = 30 }, { .usable = 30 } }, 3, 8, 0x6 },
		{ "no block", { {} }, 0, 8, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct release_case *c = &cases[i];
		bool drop[4] = {};
		uint32_t in_use = 0, bits = 0, expected = 0;
		size_t dropped;

		for (size_t b = 0; b < c->count; b++)
			in_use += c->blocks[b].draining ? 0 : c->blocks[b].used;
		dropped = release_choose(c->blocks, c->count, demand_needed(in_use, 0, c->pre),
					 in_use, drop);
		for (size_t b = 0; b < c->count; b++) {
			bits |= drop[b] << b;
			expected += c->dropped >> b & 1;
		}
		ok(bits == c->dropped && dropped == expected, "%s", c->name);
	}
	ok(demand_needed(0, 0, 8) == 8, "30 pods on a draining /27, p=8: needed 8, one new /27");
}

/* After release: nothing used dropped, enough free left, and no further block could go. */
static bool release_holds(const struct block_view *blocks, size_t count, uint32_t needed,
			  uint32_t in_use)
{
	uint32_t free_needed = needed > in_use ? needed - in_use : 0;
	uint64_t before = 0, after = 0;
	bool drop[32], good = true;

	memset(drop, 0xff, sizeof(drop));
	release_choose(blocks, count, needed, in_use, drop);
	for (size_t i = 0; i < count; i++) {
		uint32_t space = blocks[i].draining ? 0 : blocks[i].usable - blocks[i].used;

		before += space;
		after += drop[i] ? 0 : space;
		good &= !(drop[i] && blocks[i].used);
		good &= drop[i] || blocks[i].used || !blocks[i].draining;
	}
	for (size_t i = 0; i < count; i++)
		if (!drop[i] && !blocks[i].used && !blocks[i].draining)
			good &= after - blocks[i].usable < free_needed;
	return good && (after == before || after >= free_needed);
}

static void test_release_property(void)
{
	bool good = true;

	for (int round = 0; round < 20000 && good; round++) {
		struct block_view blocks[32] = {};
		size_t count = random_below(33);
		uint32_t in_use = 0;

		for (size_t i = 0; i < count; i++) {
			blocks[i].usable = 1 + random_below(62);
			blocks[i].used = random_below(2) ? random_below(blocks[i].usable + 1) : 0;
			blocks[i].draining = !random_below(4);
			in_use += blocks[i].draining ? 0 : blocks[i].used;
		}
		good = release_holds(blocks, count,
				     demand_needed(in_use, random_below(4), random_below(40)),
				     in_use);
	}
	ok(good, "20,000 random nodes: release never goes below needed, and drops all that it can");
}

static void test_carve_table(void)
{
	static const struct {
		const char *name, *cidr, *taken[4], *reserved[2];
		unsigned int bits;
		uint64_t cursor;
		const char *block; /* NULL: -ENOSPC */
		uint64_t index;
	} cases[] = {
		{ "the first block", "10.20.0.0/16", {}, {}, 27, 0, "10.20.0.0/27", 0 },
		{ "from the cursor", "10.20.0.0/16", {}, {}, 27, 5, "10.20.0.160/27", 5 },
		{ "a released block is reused last", "10.0.0.0/25", { "10.0.0.32/27" }, {}, 27, 2,
		  "10.0.0.64/27", 2 },
		{ "the cursor wraps", "10.0.0.0/25", { "10.0.0.96/27" }, {}, 27, 3, "10.0.0.0/27", 0 },
		{ "a cursor past the end starts over", "10.0.0.0/25", {}, {}, 27, 4, "10.0.0.0/27", 0 },
		{ "full", "10.0.0.0/26", { "10.0.0.0/27", "10.0.0.32/27" }, {}, 27, 1, NULL, 0 },
		{ "the last free one", "10.0.0.0/26", { "10.0.0.32/27" }, {}, 27, 1, "10.0.0.0/27", 0 },
		{ "an old, larger block is jumped", "10.0.0.0/24", { "10.0.0.0/25" }, {}, 28, 0,
		  "10.0.0.128/28", 8 },
		{ "an old, smaller block occupies a complete place", "10.0.0.0/24", { "10.0.0.40/29" }, {},
		  27, 1, "10.0.0.64/27", 2 },
		{ "a block larger than the CIDR fills it", "10.0.0.0/24", { "10.0.0.0/16" }, {}, 27, 3,
		  NULL, 0 },
		{ "reserved ranges are skipped completely", "10.0.0.0/24", {},
		  { "10.0.0.30", "10.0.0.32" }, 27, 0, "10.0.0.64/27", 2 },
		{ "a reserved last address", "10.0.0.0/26", {}, { "10.0.0.63", "10.0.0.63" }, 27, 1,
		  "10.0.0.0/27", 0 },
		{ "all reserved", "10.0.0.0/26", {}, { "10.0.0.0", "10.0.0.63" }, 27, 0, NULL, 0 },
		{ "a range that ends beyond the CIDR", "10.0.0.0/26", {}, { "10.0.0.32", "10.9.0.0" },
		  27, 1, "10.0.0.0/27", 0 },
		{ "taken and reserved in a row", "10.0.0.0/25", { "10.0.0.0/27", "10.0.0.64/27" },
		  { "10.0.0.32", "10.0.0.33" }, 27, 0, "10.0.0.96/27", 3 },
		{ "blocks of other CIDRs do not matter", "10.0.1.0/24",
		  { "10.0.0.0/24", "10.0.2.0/24", "fd00::/64" }, {}, 27, 0, "10.0.1.0/27", 0 },
		{ "maskSize of the CIDR itself", "10.0.0.0/27", {}, {}, 27, 0, "10.0.0.0/27", 0 },
		{ "maskSize of the CIDR itself, taken", "10.0.0.0/27", { "10.0.0.0/27" }, {}, 27, 0,
		  NULL, 0 },
		{ "maskSize shorter than the CIDR", "10.0.0.0/27", {}, {}, 26, 0, NULL, 0 },
		{ "single addresses", "10.0.0.0/30", { "10.0.0.0/32", "10.0.0.1/32" }, {}, 32, 0,
		  "10.0.0.2/32", 2 },
		{ "all of IPv4", "0.0.0.0/0", { "0.0.0.0/1" }, {}, 32, 0, "128.0.0.0/32", 1ull << 31 },
		{ "IPv6", "fd00::/48", { "fd00::/64" }, {}, 64, 0, "fd00:0:0:1::/64", 1 },
		{ "IPv6, the last", "fd00::/48", {}, {}, 64, 65535, "fd00:0:0:ffff::/64", 65535 },
		{ "IPv6, small", "fd00::/112", { "fd00::/120" }, {}, 128, 0, "fd00::100/128", 256 },
		{ "IPv6, reserved across blocks", "fd00::/120", {}, { "fd00::f", "fd00::10" }, 124, 0,
		  "fd00::20/124", 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix cidr = prefix(cases[i].cidr), taken[4], block;
		struct address_range reserved;
		size_t count = 0, reserved_count = 0;
		uint64_t index = 0;
		char text[PREFIX_TEXT];
		int err;

		for (; count < 4 && cases[i].taken[count]; count++)
			taken[count] = prefix(cases[i].taken[count]);
		if (cases[i].reserved[0]) {
			reserved = range(cases[i].reserved[0], cases[i].reserved[1]);
			reserved_count = 1;
		}
		err = carve_next(&cidr, prefix_length(prefix_family(&cidr), cases[i].bits),
				 cases[i].cursor, &LIST(taken, count), 1, &reserved, reserved_count, &block,
				 &index);
		ok(cases[i].block ? !err && index == cases[i].index &&
					    !strcmp(prefix_format(&block, text), cases[i].block) :
				    err == -ENOSPC,
		   "carve: %s: %s", cases[i].name, cases[i].block ?: "no block");
	}
}

/* Steps over every candidate once, from the cursor on. */
static int carve_naive(const struct prefix *cidr, unsigned int length, uint64_t cursor,
		       const struct prefix *taken, size_t taken_count,
		       const struct address_range *reserved, size_t reserved_count, uint64_t *index)
{
	uint64_t count = length < cidr->length ? 0 : 1ull << (length - cidr->length);

	for (uint64_t step = 0; step < count; step++) {
		uint64_t at = ((cursor < count ? cursor : 0) + step) % count;
		struct addr first = addr_add(&cidr->addr, at << (128 - length));
		struct prefix block = { .addr = first, .length = length };
		struct addr last = addr_last(&block);
		bool free = true;

		for (size_t i = 0; i < taken_count; i++)
			free &= !prefix_overlaps(&taken[i], &block);
		for (size_t i = 0; i < reserved_count; i++)
			free &= addr_compare(&reserved[i].end, &first) < 0 ||
				addr_compare(&reserved[i].start, &last) > 0;
		if (free) {
			*index = at;
			return 0;
		}
	}
	return -ENOSPC;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* Random prefixes in and around @cidr that do not overlap; sorted. */
static size_t random_taken(const struct prefix *cidr, struct prefix *taken, size_t max)
{
	size_t count = 0;

	for (size_t tries = random_below(max + 1); tries-- > 0;) {
		struct addr at = addr_add(&cidr->addr, random_below(300));
		struct prefix candidate = prefix_of(&at, 121 + random_below(8));
		bool clash = false;

		for (size_t i = 0; i < count; i++)
			clash |= prefix_overlaps(&taken[i], &candidate);
		if (!clash)
			taken[count++] = candidate;
	}
	qsort(taken, count, sizeof(*taken), compare);
	return count;
}

static void test_carve_property(const char *text)
{
	struct prefix cidr = prefix(text);
	bool good = true;
	int full = 0;

	for (int round = 0; round < 5000 && good; round++) {
		struct prefix taken[40], block = {};
		struct address_range reserved[3];
		size_t taken_count = random_taken(&cidr, taken, 40);
		size_t reserved_count = random_below(4);
		unsigned int length = 120 + random_below(9);
		uint64_t cursor = random_below(300), index = 0, naive = 0;
		int err, naive_err;

		for (size_t i = 0; i < reserved_count; i++) {
			reserved[i].start = addr_add(&cidr.addr, random_below(300));
			reserved[i].end = addr_add(&reserved[i].start, random_below(40));
		}
		/* every other one in each of two lists */
		err = carve_next(&cidr, length, cursor,
				 (struct prefix_list[]){
					 { taken, (taken_count + 1) / 2, 2 * sizeof(*taken) },
					 { taken + 1, taken_count / 2, 2 * sizeof(*taken) } },
				 2, reserved, reserved_count, &block, &index);
		naive_err = carve_naive(&cidr, length, cursor, taken, taken_count, reserved,
					reserved_count, &naive);
		full += !!err;
		good = err == naive_err && (err || (index == naive && block.length == length &&
						    prefix_covers(&cidr, &block)));
	}
	ok(good && full, "carve of %s: 5,000 random cases as a naive walk finds them (%d full)",
	   text, full);
}

static void test_carve_walk(void)
{
	struct prefix cidr = prefix("10.0.0.0/24"), taken[8], block;
	uint64_t cursor = 0, index;
	size_t count = 0;
	bool rising = true;

	while (!carve_next(&cidr, 123, cursor, &LIST(taken, count), 1, NULL, 0, &block, &index)) {
		rising &= index == count;
		cursor = index + 1;
		taken[count++] = block;
	}
	ok(rising && count == 8, "a /24 has its eight /27 in order, then none");
	/* 10.0.0.32/27 comes back: next-fit finds it, though the cursor stands at the end */
	memmove(&taken[1], &taken[2], 6 * sizeof(*taken));
	ok(!carve_next(&cidr, 123, cursor, &LIST(taken, 7), 1, NULL, 0, &block, &index) && index == 1,
	   "a released block is found again after the wrap");
}

static void test_carve_speed(void)
{
	enum { TAKEN = 8192 };
	struct prefix cidr = prefix("10.0.0.0/8"), *taken = calloc(TAKEN, sizeof(*taken)), block;
	struct address_range reserved[2] = { range("10.128.0.0", "10.200.0.0"),
					     range("10.240.0.0", "10.255.255.255") };
	struct timespec from, to;
	uint64_t index;
	int rounds = 10;
	double seconds;

	/* 8,192 /21 fill the whole /8: the worst case asks all of them and finds nothing */
	for (size_t i = 0; i < TAKEN - 1; i++)
		taken[i] = (struct prefix){ addr_add(&cidr.addr, i << 11), .length = 117 };
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < rounds; i++)
		if (carve_next(&cidr, 128, 1, &LIST(taken, TAKEN - 1), 1, reserved, 2, &block, &index) !=
		    -ENOSPC)
			break;
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) * 1e-9;
	/* without sanitizers about 1 ms a call; stepping one by one would take seconds */
	ok(seconds / rounds < 0.5 * tap_slow(), "16,777,216 candidates behind 8,191 blocks: %.2f ms a search",
	   seconds / rounds * 1e3);
	ok(!carve_next(&cidr, 128, 1, &LIST(taken, TAKEN - 1), 1, reserved, 1, &block, &index) &&
		   index == (uint64_t)(TAKEN - 1) << 11,
	   "and the first of the last /21 is found");
	free(taken);
}

int main(void)
{
	test_block_sizes();
	test_demand();
	test_release();
	test_release_property();
	test_carve_table();
	test_carve_property("10.0.0.0/24");
	test_carve_property("10.0.0.0/26");
	test_carve_property("fd00::/120");
	test_carve_walk();
	test_carve_speed();
	return tap_done();
}

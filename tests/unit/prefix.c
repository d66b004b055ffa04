// SPDX-License-Identifier: GPL-2.0-only
/* Text, order and arithmetic of addresses and prefixes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/prefix.h"
#include "tests/lib/tap.h"

static struct addr addr(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a))
		abort();
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) < 0)
		abort();
	return p;
}

static void test_addr_parse(void)
{
	static const char *const good[] = { "0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1",
					    "fd00::1", "2001:db8::ffff:1" };
	static const char *const bad[] = { "",	     "10.0.0",	    "10.0.0.256",     "10.0.0.1 ",
					   " ::1",   "::ffff:10.0.0.1", "fd00::1%eth0", "1",
					   "10.0.0.1/8", "g::" };
	char text[ADDR_TEXT];
	struct addr a;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(!addr_parse(good[i], &a) && !strcmp(addr_format(&a, text), good[i]),
		   "address %s is read and written back", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(addr_parse(bad[i], &a) == -EINVAL, "address \"%s\" is refused", bad[i]);
	a = addr("10.1.2.3");
	ok(addr_is_ipv4(&a) && addr_family(&a) == FAMILY_IPV4 && a.byte[10] == 0xff &&
		   a.byte[12] == 10,
	   "IPv4 is v4-mapped");
	a = addr("::10.1.2.3");
	ok(addr_family(&a) == FAMILY_IPV6, "an IPv4-compatible address is IPv6");
}

static void test_addr_numbers(void)
{
	struct addr a = addr("10.0.0.255"), b = addr_add(&a, 1), c;
	char text[ADDR_TEXT];

	ok(!strcmp(addr_format(&b, text), "10.0.1.0"), "10.0.0.255 + 1 carries");
	ok(addr_distance(&b, &a) == 1, "and is one away");
	ok(addr_distance(&a, &b) == UINT64_MAX, "the negative distance does not fit");
	a = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	b = addr_add(&a, 1);
	ok(!strcmp(addr_format(&b, text), "::"), "addresses wrap at 2^128");
	a = addr("fd00::");
	b = addr_add(&a, UINT64_MAX);
	c = addr_add(&b, 1);
	ok(!strcmp(addr_format(&c, text), "fd00:0:0:1::"), "carry over the middle of IPv6");
	ok(addr_distance(&c, &a) == UINT64_MAX, "2^64 apart does not fit");
	ok(addr_distance(&b, &a) == UINT64_MAX, "2^64 - 1 apart");
	a = addr("255.255.255.255");
	b = addr("::1");
	ok(addr_compare(&a, &b) < 0 && addr_compare(&b, &a) > 0, "IPv4 sorts before IPv6");
	ok(!addr_compare(&a, &a), "an address equals itself");
}

static void test_prefix_parse(void)
{
	static const struct {
		const char *text, *written;
		int result;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 0 },
		{ "0.0.0.0/0", "0.0.0.0/0", 0 },
		{ "10.1.2.3/32", "10.1.2.3/32", 0 },
		{ "::/0", "::/0", 0 },
		{ "fd00::/48", "fd00::/48", 0 },
		{ "fd00::1/128", "fd00::1/128", 0 },
		{ "10.1.2.3/8", "10.0.0.0/8", 1 },
		{ "fd00::1/64", "fd00::/64", 1 },
		{ "10.0.0.0/7", "10.0.0.0/7", 0 },
		{ "10.0.0.0/33", NULL, -EINVAL },
		{ "fd00::/129", NULL, -EINVAL },
		{ "10.0.0.0", NULL, -EINVAL },
		{ "10.0.0.0/", NULL, -EINVAL },
		{ "10.0.0.0/08", NULL, -EINVAL },
		{ "10.0.0.0/-1", NULL, -EINVAL },
		{ "10.0.0.0/8 ", NULL, -EINVAL },
		{ "10.0.0.0/8/8", NULL, -EINVAL },
		{ "/8", NULL, -EINVAL },
		{ "", NULL, -EINVAL },
		{ "::ffff:10.0.0.0/104", NULL, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix p;
		char text[PREFIX_TEXT];
		int result = prefix_parse(cases[i].text, &p);

		ok(result == cases[i].result &&
			   (result < 0 || !strcmp(prefix_format(&p, text), cases[i].written)),
		   "prefix \"%s\"", cases[i].text);
	}
}

static void test_prefix_relations(void)
{
	static const struct {
		const char *a, *b;
		bool covers, overlaps;
		int order;
	} cases[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true, true, -1 },
		{ "10.1.0.0/16", "10.0.0.0/8", false, true, 1 },
		{ "10.0.0.0/8", "10.0.0.0/8", true, true, 0 },
		{ "10.0.0.0/8", "10.0.0.0/9", true, true, -1 },
		{ "10.0.0.0/24", "10.0.1.0/24", false, false, -1 },
		{ "10.0.0.0/8", "fd00::/8", false, false, -1 },
		{ "::/0", "fd00::/8", true, true, -1 },
		{ "fd00::/64", "fd00:0:0:1::/64", false, false, -1 },
		{ "9.0.0.0/8", "10.0.0.0/8", false, false, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prefix a = prefix(cases[i].a), b = prefix(cases[i].b);
		int order = prefix_compare(&a, &b);

		ok(prefix_covers(&a, &b) == cases[i].covers &&
			   prefix_overlaps(&a, &b) == cases[i].overlaps &&
			   prefix_overlaps(&b, &a) == cases[i].overlaps &&
			   (order > 0) - (order < 0) == cases[i].order &&
			   prefix_equal(&a, &b) == !cases[i].order,
		   "%s and %s: covers, overlaps, order", cases[i].a, cases[i].b);
	}
}

static void test_prefix_parts(void)
{
	struct prefix v4 = prefix("10.0.0.0/27"), v6 = prefix("fd00::/48"), of;
	struct addr last = addr_last(&v4), in = addr("10.0.0.31"), out = addr("10.0.0.32");
	char text[PREFIX_TEXT];

	ok(v4.length == 123 && prefix_bits(&v4) == 27 && prefix_family(&v4) == FAMILY_IPV4,
	   "a /27 has length 123 of 128");
	ok(v6.length == 48 && prefix_bits(&v6) == 48 && prefix_family(&v6) == FAMILY_IPV6,
	   "an IPv6 /48 has length 48");
	ok(prefix_length(FAMILY_IPV4, 27) == 123 && prefix_length(FAMILY_IPV6, 48) == 48,
	   "bits to length");
	ok(!strcmp(addr_format(&last, text), "10.0.0.31"), "the last address of 10.0.0.0/27");
	ok(prefix_contains(&v4, &in) && !prefix_contains(&v4, &out), "contains .31, not .32");
	of = prefix_of(&out, 123);
	ok(!strcmp(prefix_format(&of, text), "10.0.0.32/27"), "the prefix that .32 is in");
	last = addr_last(&v6);
	ok(!strcmp(addr_format(&last, text), "fd00::ffff:ffff:ffff:ffff:ffff"),
	   "the last address of fd00::/48");
	ok(!strcmp(family_name(FAMILY_IPV4), "ipv4") && !strcmp(family_name(FAMILY_IPV6), "ipv6"),
	   "names of families");
}

int main(void)
{
	test_addr_parse();
	test_addr_numbers();
	test_prefix_parse();
	test_prefix_relations();
	test_prefix_parts();
	return tap_done();
}

// SPDX-License-Identifier: GPL-2.0-only
/* Ports merged into ip_local_reserved_ports and taken out again. */
#include <errno.h>
#include <string.h>

#include "loader/net/sysctl.h"
#include "tests/lib/tap.h"

static void test_merge(void)
{
	static const struct {
		const char *list;
		uint16_t first, last;
		const char *merged; /* NULL: -EINVAL */
	} cases[] = {
		{ "", 49152, 65535, "49152-65535" },
		{ "8080", 49152, 65535, "8080,49152-65535" },
		{ "8080,9000-9100", 49152, 65535, "8080,9000-9100,49152-65535" },
		{ "49152-65535", 49152, 65535, "49152-65535" },
		{ "49000-50000", 49152, 65535, "49000-65535" },
		{ "50000-51000,60000", 49152, 65535, "49152-65535" },
		{ "49151", 49152, 49153, "49151-49153" },
		{ "9,7,8", 1, 1, "1,7-9" },
		{ "0,65535", 5, 5, "0,5,65535" },
		{ "80,", 1, 1, NULL },
		{ "80-", 1, 1, NULL },
		{ "-80", 1, 1, NULL },
		{ "90-80", 1, 1, NULL },
		{ "65536", 1, 1, NULL },
		{ "99999999999", 1, 1, NULL },
		{ "80 90", 1, 1, NULL },
		{ ",80", 1, 1, NULL },
		{ "http", 1, 1, NULL },
	};
	char merged[SYSCTL_VALUE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = ports_merge(cases[i].list, cases[i].first, cases[i].last, merged);

		ok(cases[i].merged ? !err && !strcmp(merged, cases[i].merged) : err == -EINVAL,
		   "merge \"%s\" with %u-%u: %s", cases[i].list, cases[i].first, cases[i].last,
		   cases[i].merged ? cases[i].merged : "refused");
	}
}

static void test_unmerge(void)
{
	static const struct {
		const char *list;
		const char *before;
		const char *result;
	} cases[] = {
		{ "49152-65535", "", "" },
		{ "8080,49152-65535", "8080", "8080" },
		{ "49000-65535", "49000-50000", "49000-50000" },
		/* added by somebody while we were there: stays, unless it is in our range */
		{ "8080,49152-65535", "", "8080" },
		/* taken out by somebody: not put back */
		{ "49152-65535", "8080", "" },
	};
	char result[SYSCTL_VALUE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(!ports_unmerge(cases[i].list, 49152, 65535, cases[i].before, result) &&
		   !strcmp(result, cases[i].result), "unmerge \"%s\" that was \"%s\": \"%s\"",
		   cases[i].list, cases[i].before, cases[i].result);
}

static void test_too_long(void)
{
	char list[8192], merged[SYSCTL_VALUE];
	size_t n = 0;

	for (int port = 10001; port < 10001 + 2 * 1000; port += 2)
		n += sprintf(list + n, "%s%d", n ? "," : "", port);
	ok(ports_merge(list, 1, 1, merged) == -ENOSPC, "a list that is too long is refused");
}

int main(void)
{
	test_merge();
	test_unmerge();
	test_too_long();
	return tap_done();
}

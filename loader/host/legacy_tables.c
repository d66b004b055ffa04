// SPDX-License-Identifier: GPL-2.0-only
/* The tables of iptables-legacy and ip6tables-legacy, by the socket options that these use. */
#include <netinet/in.h> /* before Linux' own */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader/host/legacy_tables.h"
#include "loader/kernel/map.h"

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       offsetof(struct ipt_get_entries, entrytable) ==
			       offsetof(struct ip6t_get_entries, entrytable) &&
		       IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
		       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	       "one code reads both");

/* Reading an unused table would create it. */
static bool has_filter(enum family family)
{
	FILE *file = fopen(family == FAMILY_IPV6 ? "/proc/net/ip6_tables_names" :
						   "/proc/net/ip_tables_names", "re");
	bool found = false;
	char line[64];

	while (!found && file && fgets(line, sizeof(line), file))
		found = !strcmp(line, "filter\n");
	if (file)
		fclose(file);
	return found;
}

/* The target of the rule at @offset; NULL: the table is malformed. */
static const struct xt_standard_target *target_at(enum family family, const char *table,
						  size_t size, size_t offset)
{
	const struct ip6t_entry *ipv6 = (const void *)(table + offset);
	const struct ipt_entry *ipv4 = (const void *)(table + offset);
	size_t entry = family == FAMILY_IPV6 ? sizeof(*ipv6) : sizeof(*ipv4);

	if (offset > size || size - offset < entry)
		return NULL;
	offset += family == FAMILY_IPV6 ? ipv6->target_offset : ipv4->target_offset;
	if (offset > size || size - offset < sizeof(struct xt_standard_target))
		return NULL;
	return (const void *)(table + offset);
}

static enum legacy_forward policy_of(int sock, enum family family, const char *comment)
{
	int level = family == FAMILY_IPV6 ? SOL_IPV6 : SOL_IP;
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t size = sizeof(info);
	const struct xt_standard_target *policy;
	enum legacy_forward result = LEGACY_UNKNOWN;
	struct ipt_get_entries *entries;

	if (getsockopt(sock, level, IPT_SO_GET_INFO, &info, &size) || info.size > 64 << 20)
		return LEGACY_UNKNOWN;
	size = offsetof(struct ipt_get_entries, entrytable) + info.size;
	entries = xcalloc(1, size);
	strcpy(entries->name, "filter");
	entries->size = info.size;
	if (!getsockopt(sock, level, IPT_SO_GET_ENTRIES, entries, &size)) {
		policy = target_at(family, (const char *)entries->entrytable, info.size,
				   info.underflow[NF_INET_FORWARD]);
		if (policy)
			result = policy->verdict == -NF_DROP - 1 &&
						 !memmem(entries->entrytable, info.size, comment,
							 strlen(comment)) ?
					 LEGACY_DROPS : LEGACY_ACCEPTS;
	}
	free(entries);
	return result;
}

enum legacy_forward legacy_forward(enum family family, const char *comment)
{
	enum legacy_forward result;
	int sock;

	if (!has_filter(family))
		return LEGACY_ACCEPTS;
	sock = socket(family == FAMILY_IPV6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (sock < 0)
		return LEGACY_UNKNOWN;
	result = policy_of(sock, family, comment);
	close(sock);
	return result;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Lists of ports as ip_local_reserved_ports has them. Pure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/net/sysctl.h"

#define PORTS 65536

struct ports {
	bool has[PORTS];
};

/* A decimal port at *at; -1 if there is none. */
static long parse_port(const char **at)
{
	long port = 0;
	const char *c = *at;

	for (; *c >= '0' && *c <= '9' && port < PORTS; c++)
		port = port * 10 + (*c - '0');
	if (c == *at || port >= PORTS)
		return -1;
	*at = c;
	return port;
}

static int parse(const char *list, struct ports *ports)
{
	while (*list) {
		long first = parse_port(&list), last = first;

		if (*list == '-') {
			list++;
			last = parse_port(&list);
		}
		if (first < 0 || last < first || (*list && *list != ','))
			return -EINVAL;
		for (long port = first; port <= last; port++)
			ports->has[port] = true;
		if (*list == ',' && !*++list)
			return -EINVAL;
	}
	return 0;
}

static int format(const struct ports *ports, char list[SYSCTL_VALUE])
{
	size_t at = 0;
	long last;

	list[0] = 0;
	for (long first = 0; first < PORTS; first = last + 1) {
		last = first;
		if (!ports->has[first])
			continue;
		while (last + 1 < PORTS && ports->has[last + 1])
			last++;
		at += snprintf(list + at, SYSCTL_VALUE - at, last > first ? "%s%ld-%ld" : "%s%ld",
			       at ? "," : "", first, last);
		if (at >= SYSCTL_VALUE - 1)
			return -ENOSPC;
	}
	return 0;
}

static struct ports *ports_new(void)
{
	struct ports *ports = calloc(1, sizeof(*ports));

	if (!ports)
		abort();
	return ports;
}

int ports_merge(const char *list, uint16_t first, uint16_t last, char merged[SYSCTL_VALUE])
{
	struct ports *ports = ports_new();
	int err = parse(list, ports);

	for (long port = first; port <= last; port++)
		ports->has[port] = true;
	if (!err)
		err = format(ports, merged);
	free(ports);
	return err;
}

int ports_unmerge(const char *list, uint16_t first, uint16_t last, const char *before,
		  char result[SYSCTL_VALUE])
{
	struct ports *ports = ports_new(), *theirs = ports_new();
	int err = parse(list, ports);

	if (!err)
		err = parse(before, theirs);
	for (long port = first; port <= last; port++)
		ports->has[port] = ports->has[port] && theirs->has[port];
	if (!err)
		err = format(ports, result);
	free(theirs);
	free(ports);
	return err;
}

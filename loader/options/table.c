// SPDX-License-Identifier: GPL-2.0-only
/* Every option that pinpool implements, a row each, and the search for the name that was meant. */
#include <stdlib.h>
#include <string.h>

#include "loader/options/table.h"

static const char *const allocators[] = { "local", "static", NULL };
static const char *const xdp_guards[] = { "disabled", "native", NULL };

#define BOOL(option_name, value, member)                                                           \
	{ .name = option_name, .fallback = value, .parse = value_bool,                             \
	  .field = offsetof(struct options, member) }

/* the default pool stands before the pre-allocation, whose own default follows it */
const struct option options_table[] = {
	{ .name = "ipam", .fallback = "multi-pool", .parse = value_only,
	  .reason = "pinpool does multi-pool IPAM only" },
	{ .name = DEFAULT_POOL, .fallback = "default", .parse = value_pool },
	{ .name = PRE_ALLOCATION, .fallback = "", .parse = value_pre_allocation },
	{ .name = AUTO_CREATE, .fallback = "", .parse = value_auto_create },
	BOOL("enable-ipv4", "true", enable_ipv4),
	BOOL("enable-ipv6", "false", enable_ipv6),
	{ .name = "routing-mode", .fallback = "native", .parse = value_only,
	  .reason = "pinpool routes natively only" },
	{ .name = "ipv4-native-routing-cidr", .fallback = "", .parse = value_cidrs,
	  .family = FAMILY_IPV4 },
	{ .name = "ipv6-native-routing-cidr", .fallback = "", .parse = value_cidrs,
	  .family = FAMILY_IPV6 },
	BOOL("auto-direct-node-routes", "false", auto_direct_node_routes),
	BOOL("direct-routing-skip-unreachable", "false", direct_routing_skip_unreachable),
	BOOL("enable-endpoint-routes", "true", enable_endpoint_routes),
	BOOL("enable-bpf-masquerade", "true", enable_bpf_masquerade),
	BOOL("enable-ipv4-masquerade", "true", enable_ipv4_masquerade),
	BOOL("enable-ipv6-masquerade", "true", enable_ipv6_masquerade),
	BOOL("only-masquerade-default-pool", "false", only_masquerade_default_pool),
	BOOL("enable-ip-masq-agent", "false", enable_ip_masq_agent),
	{ .name = "devices", .fallback = "", .parse = value_devices },
	{ .name = "mtu", .fallback = "0", .parse = value_mtu },
	{ .name = "ipam-cilium-node-update-rate", .fallback = "15s", .parse = value_seconds,
	  .field = offsetof(struct options, update_rate_seconds) },
	{ .name = "node-cidr-allocator", .fallback = "local", .parse = value_choice,
	  .choices = allocators, .field = offsetof(struct options, allocator) },
	{ .name = "xdp-guard", .fallback = "disabled", .parse = value_choice,
	  .choices = xdp_guards, .field = offsetof(struct options, xdp_guard), .load_time = true },
	{ .name = "snat-port-range", .fallback = "49152-65535", .parse = value_ports,
	  .low = 1024, .high = 65535, .load_time = true },
	{ .name = "bpf-nat-max", .fallback = "65536", .parse = value_number, .low = 64,
	  .high = 4 << 20, .field = offsetof(struct options, nat_max), .load_time = true },
};

const size_t options_table_count = sizeof(options_table) / sizeof(*options_table);

const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < options_table_count; i++)
		if (!strcmp(options_table[i].name, name))
			return &options_table[i];
	return NULL;
}

static int name_compare(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

bool option_is_ignored(const char *name)
{
	return bsearch(name, options_ignored, options_ignored_count, sizeof(*options_ignored),
		       name_compare);
}

#define EDIT_MAX 96 /* longer than any known name; of an unknown one no more is looked at */

/* Levenshtein's distance, one row at a time. */
static unsigned int edit_distance(const char *a, const char *b)
{
	size_t width = strnlen(b, EDIT_MAX);
	unsigned int row[EDIT_MAX + 1];

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 0; i < EDIT_MAX && a[i]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < width; j++) {
			unsigned int replace = diagonal + (a[i] != b[j]);
			unsigned int other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replace < other ? replace : other;
		}
	}
	return row[width];
}

const char *option_nearest(const char *name)
{
	const char *nearest = options_table[0].name;
	unsigned int best = edit_distance(name, nearest);

	/* ours first: among equals the one that does something is meant */
	for (size_t i = 1; i < options_table_count + options_ignored_count; i++) {
		const char *known = i < options_table_count ?
					    options_table[i].name :
					    options_ignored[i - options_table_count];
		size_t longer = strlen(known), shorter = strnlen(name, EDIT_MAX);
		unsigned int distance;

		/* as many letters as the lengths differ are edits at least: most names end here */
		if ((longer > shorter ? longer - shorter : shorter - longer) >= best)
			continue;
		distance = edit_distance(name, known);
		if (distance < best) {
			best = distance;
			nearest = known;
		}
	}
	return nearest;
}

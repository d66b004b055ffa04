// SPDX-License-Identifier: GPL-2.0-only
/* All options of pinpool, one row each, and the search for mistyped ones. */
#include <ctype.h>
#include <string.h>

#include "loader/options/table.h"

static const char *const allocators[] = { "local", "static", NULL };
static const char *const xdp_guards[] = { "disabled", "native", NULL };

#define BOOL(option_name, value, member)                                                           \
	{ .name = option_name, .fallback = value, .parse = value_bool,                             \
	  .field = offsetof(struct options, member) }

/* The default pool precedes the pre-allocation, whose default depends on it. */
const struct option options_table[] = {
	{ .name = "ipam", .fallback = "multi-pool", .parse = value_only,
	  .reason = "only multi-pool is supported" },
	{ .name = DEFAULT_POOL, .fallback = "default", .parse = value_pool },
	{ .name = PRE_ALLOCATION, .fallback = "", .parse = value_pre_allocation },
	{ .name = AUTO_CREATE, .fallback = "", .parse = value_auto_create },
	BOOL("enable-ipv4", "true", enable_ipv4),
	BOOL("enable-ipv6", "false", enable_ipv6),
	{ .name = "routing-mode", .fallback = "native", .parse = value_only,
	  .reason = "only native routing is supported" },
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
	{ .name = "masquerade-portless-protocols", .fallback = "false", .parse = value_bool,
	  .field = offsetof(struct options, masquerade_portless), .load_time = true },
	{ .name = "devices", .fallback = "", .parse = value_devices },
	BOOL("cni-exclusive", "false", cni_exclusive),
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
	BOOL("kube-proxy-replacement", "true", kube_proxy_replacement),
	BOOL("bpf-lb-sock", "true", lb_sock),
	{ .name = "bpf-lb-sock-hostns-only", .fallback = "false", .parse = value_bool,
	  .field = offsetof(struct options, lb_sock_hostns_only), .load_time = true },
	{ .name = "cgroup-root", .fallback = "", .parse = value_path,
	  .field = offsetof(struct options, cgroup_root) },
	BOOL("bpf-lb-external-clusterip", "false", lb_external_cluster_ip),
	BOOL("bpf-lb-external-ips", "false", lb_external_ips),
	{ .name = "bpf-lb-map-max", .fallback = "65536", .parse = value_number, .low = 64,
	  .high = 4 << 20, .field = offsetof(struct options, lb_map_max), .load_time = true },
	{ .name = "node-port-range", .fallback = "30000,32767", .parse = value_node_ports,
	  .low = 1, .high = 65535, .load_time = true },
};

const size_t options_table_count = sizeof(options_table) / sizeof(*options_table);

const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < options_table_count; i++)
		if (!strcmp(options_table[i].name, name))
			return &options_table[i];
	return NULL;
}

#define NAME_MAX_SQUEEZED 96 /* only this much of a name is compared: longer than any of ours */

/* Reduces a name to letters and digits, so that enableIPv4 and enable_ipv4 equal enable-ipv4. */
static size_t squeeze(const char *name, char text[NAME_MAX_SQUEEZED])
{
	size_t n = 0;

	for (; *name && n < NAME_MAX_SQUEEZED; name++)
		if (isalnum((unsigned char)*name))
			text[n++] = tolower((unsigned char)*name);
	return n;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Edits from @a to @b; a swap of two adjacent letters counts as one (optimal string alignment). */
static unsigned int edit_distance(const char *a, const char *b)
{
	char x[NAME_MAX_SQUEEZED], y[NAME_MAX_SQUEEZED];
	size_t height = squeeze(a, x), width = squeeze(b, y);
	unsigned int rows[3][NAME_MAX_SQUEEZED + 1], *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; i <= height; i++) {
		unsigned int *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			row[j] = least(above[j - 1] + (x[i - 1] != y[j - 1]), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[width];
}

/* Cilium's own names that resemble a mistyped one of pinpool's. */
static const char *const lookalikes[] = { "enable-srv6" };

const char *option_near_miss(const char *name)
{
	const char *nearest = NULL;
	unsigned int best = -1;

	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(*lookalikes); i++)
		if (!strcmp(name, lookalikes[i]))
			return NULL;
	for (size_t i = 0; i < options_table_count; i++) {
		const char *ours = options_table[i].name;
		unsigned int distance = edit_distance(name, ours);

		/* A longer name may have more typing errors. */
		if (distance <= least(1 + strlen(ours) / 8, 3) && distance < best) {
			best = distance;
			nearest = ours;
		}
	}
	return nearest;
}

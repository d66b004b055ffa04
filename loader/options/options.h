/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of pinpool(8), their defaults and checks, and the merge of cilium-config, the
 * CiliumNodeConfigs that match this node, and --set (pinpool-ipam(7), NODE DEFAULTS). Pure.
 */
#ifndef PP_OPTIONS_H
#define PP_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "loader/base/prefix.h"
#include "maps/abi.h"

#define PP_PATH 256

enum allocator { ALLOCATOR_LOCAL, ALLOCATOR_STATIC };
enum xdp_guard { XDP_GUARD_DISABLED, XDP_GUARD_NATIVE };

struct pre_allocation {
	char pool[PP_NAME];
	uint32_t addresses;
};

struct options {
	char default_pool[PP_NAME];
	struct pre_allocation *pre_allocations; /* owned; sorted by pool */
	size_t pre_allocation_count;
	bool enable_ipv4, enable_ipv6;
	bool auto_direct_node_routes, direct_routing_skip_unreachable, enable_endpoint_routes;
	bool enable_bpf_masquerade, enable_ipv4_masquerade, enable_ipv6_masquerade;
	bool only_masquerade_default_pool, enable_ip_masq_agent, masquerade_portless;
	struct prefix *native_cidrs; /* owned; both families */
	size_t native_cidr_count;
	char **devices; /* owned; empty: devices of default routes; "eth+" is a prefix match */
	size_t device_count;
	bool cni_exclusive; /* for pinpool-agent */
	uint32_t mtu; /* 0: the uplink's */
	uint32_t update_rate_seconds;
	enum allocator allocator;
	enum xdp_guard xdp_guard;
	uint16_t snat_port_min, snat_port_max;
	uint32_t nat_max;
	bool kube_proxy_replacement, lb_sock, lb_sock_hostns_only, lb_external_cluster_ip, lb_external_ips;
	uint16_t node_port_min, node_port_max;
	uint32_t lb_map_max;
	char cgroup_root[PP_PATH]; /* "": found */
	json_t *auto_create; /* owned; array of CiliumPodIPPool objects, normalized; never NULL */
};

#define OPTION_UNKNOWN 1

/*
 * Checks one option by its own rules; an empty value is the default. 0, OPTION_UNKNOWN (neither one
 * of pinpool's nor a near miss: Cilium has hundreds more) or -EINVAL (an invalid value, or a near
 * miss of an option that @e names); except for 0 there is a sentence in @e.
 */
int option_check(const char *name, const char *value, struct error *e);
/*
 * Calls option_check() for each of @map, name to string (NULL: none). 0, or -EINVAL for the first
 * invalid one. *@ignored (owned; NULL: none) is a sentence that names those that are
 * OPTION_UNKNOWN: @all of them, or the first few and the number of the others.
 */
int options_check(const json_t *map, bool all, char **ignored, struct error *e);
/* True for options that take effect only when programs are loaded, by `up`. */
bool option_is_load_time(const char *name);

/*
 * Merges defaults < @config (cilium-config's data, may be NULL) < each of @nodeconfigs (array of
 * normalized CiliumNodeConfig objects; those whose selector matches @labels, in name order) <
 * @settings (--set, may be NULL) into a new object of name to string. The default also replaces a
 * value "" of the last layer that has the option.
 */
json_t *options_merge(const json_t *config, const json_t *nodeconfigs, const json_t *labels,
		      const json_t *settings);
/* Converts effective strings to values. 0 or -EINVAL with a sentence. */
int options_parse(const json_t *effective, struct options *o, struct error *e);
void options_free(struct options *o);

/* pre-allocation of @pool; 0 if the map does not name it (pinpool-ipam(7), DEMAND) */
uint32_t options_pre_allocation(const struct options *o, const char *pool);

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Service and EndpointSlice as tables of fields. What assigns addresses or watches pods is left out. */
#include <string.h>

#include "loader/base/prefix.h"
#include "loader/manifest/kinds.h"

#define PORT_MAX 65535
#define ENDPOINT_ADDRESSES_MAX 100 /* as the API server has them */
#define ENDPOINTS_MAX 1000
#define PORTS_MAX 100

static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
static const char *const policies[] = { "Cluster", "Local", NULL };
static const char *const affinities[] = { "None", "ClientIP", NULL };
static const char *const types[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", NULL };
static const char *const ip_modes[] = { "VIP", "Proxy", NULL };
static const char *const address_types[] = { "IPv4", "IPv6", "FQDN", NULL };
static const char *const distributions[] = { "PreferClose", "PreferSameZone", "PreferSameNode", NULL };

static const struct schema unused = { .type = SCHEMA_UNUSED };
static const struct schema boolean = { .type = SCHEMA_BOOL };
static const struct schema condition = { .type = SCHEMA_CONDITION };
static const struct schema string = { .type = SCHEMA_STRING };
static const struct schema name = { .type = SCHEMA_NAME };
static const struct schema address = { .type = SCHEMA_ADDRESS };
static const struct schema cidr = { .type = SCHEMA_CIDR };
static const struct schema port = { .type = SCHEMA_NUMBER, .min = 1, .max = PORT_MAX };
static const struct schema protocol = { .type = SCHEMA_STRING, .choices = protocols };
static const struct schema policy = { .type = SCHEMA_STRING, .choices = policies };

/* Service */

/* "" is an address that is yet to be assigned. */
static int check_cluster_ip(struct reader *r, const json_t *json, const struct place *at)
{
	const char *text = json_string_value(json);
	struct addr addr;

	if (!*text || !strcmp(text, "None") || !addr_parse(text, &addr))
		return 0;
	return reader_error(r, at->line, "invalid IP address \"%.80s\"; write an address or None", text);
}

static int check_ports(struct reader *r, const json_t *json, const struct place *at)
{
	for (size_t i = 0; i < json_array_size(json); i++) {
		const char *one = json_string_value(json_get(json_array_get(json, i), "name")) ?: "";

		if (!*one && json_array_size(json) > 1)
			return reader_error(r, item_place(r, json, i)->line,
					    "port %zu has no name; with several ports each needs one", i);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(one, json_string_value(json_get(json_array_get(json, k), "name")) ?: ""))
				return reader_error(r, at->line, "two ports are named \"%.80s\"", one);
	}
	return 0;
}

static const struct schema_field service_port_fields[] = {
	{ "name", &string, false }, { "protocol", &protocol, false }, { "port", &port, true },
	{ "targetPort", &unused, false }, { "nodePort", &port, false }, { "appProtocol", &unused, false }, {},
};
static const struct schema service_port = { .type = SCHEMA_OBJECT, .fields = service_port_fields };
static const struct schema service_ports = { .type = SCHEMA_LIST, .item = &service_port, .max = PORTS_MAX,
					     .check = check_ports };
static const struct schema cluster_ip = { .type = SCHEMA_STRING, .check = check_cluster_ip };
static const struct schema cluster_ips = { .type = SCHEMA_LIST, .item = &cluster_ip, .max = 2 };
static const struct schema addresses = { .type = SCHEMA_LIST, .item = &address };
static const struct schema cidrs = { .type = SCHEMA_LIST, .item = &cidr };
static const struct schema type = { .type = SCHEMA_STRING, .choices = types };
static const struct schema affinity = { .type = SCHEMA_STRING, .choices = affinities };
static const struct schema seconds = { .type = SCHEMA_NUMBER, .min = 1, .max = 86400 };
static const struct schema_field client_ip_fields[] = { { "timeoutSeconds", &seconds, false }, {} };
static const struct schema client_ip = { .type = SCHEMA_OBJECT, .fields = client_ip_fields };
static const struct schema_field affinity_config_fields[] = { { "clientIP", &client_ip, false }, {} };
static const struct schema affinity_config = { .type = SCHEMA_OBJECT, .fields = affinity_config_fields };
static const struct schema distribution = { .type = SCHEMA_STRING, .choices = distributions };
static const struct schema_field service_fields[] = {
	{ "type", &type, false }, { "clusterIP", &cluster_ip, false }, { "clusterIPs", &cluster_ips, false },
	{ "ports", &service_ports, false }, { "sessionAffinity", &affinity, false },
	{ "sessionAffinityConfig", &affinity_config, false }, { "externalIPs", &addresses, false },
	{ "externalTrafficPolicy", &policy, false }, { "internalTrafficPolicy", &policy, false },
	{ "loadBalancerSourceRanges", &cidrs, false }, { "healthCheckNodePort", &port, false },
	{ "publishNotReadyAddresses", &boolean, false }, { "trafficDistribution", &distribution, false },
	{ "allocateLoadBalancerNodePorts", &unused, false }, { "externalName", &unused, false },
	{ "ipFamilies", &unused, false }, { "ipFamilyPolicy", &unused, false },
	{ "loadBalancerClass", &unused, false }, { "loadBalancerIP", &unused, false },
	{ "selector", &unused, false }, {},
};
static const struct schema service_spec = { .type = SCHEMA_OBJECT, .fields = service_fields };

static const struct schema ip_mode = { .type = SCHEMA_STRING, .choices = ip_modes };
static const struct schema_field ingress_fields[] = {
	{ "ip", &address, false }, { "ipMode", &ip_mode, false }, { "hostname", &unused, false },
	{ "ports", &unused, false }, {},
};
static const struct schema ingress = { .type = SCHEMA_OBJECT, .fields = ingress_fields };
static const struct schema ingresses = { .type = SCHEMA_LIST, .item = &ingress };
static const struct schema_field balancer_fields[] = { { "ingress", &ingresses, false }, {} };
static const struct schema balancer = { .type = SCHEMA_OBJECT, .fields = balancer_fields };
static const struct schema_field status_fields[] = {
	{ "loadBalancer", &balancer, false }, { "conditions", &unused, false }, {},
};
static const struct schema service_status = { .type = SCHEMA_OBJECT, .fields = status_fields };
static const struct schema_field service_body[] = {
	{ "apiVersion", &unused, false }, { "kind", &unused, false }, { "metadata", &unused, false },
	{ "spec", &service_spec, true }, { "status", &service_status, false }, {},
};

const struct schema schema_service = { .type = SCHEMA_OBJECT, .fields = service_body };

/* EndpointSlice */

static int check_slice(struct reader *r, const json_t *json, const struct place *at)
{
	const char *family = json_string_value(json_get(json, "addressType"));
	const json_t *endpoints = json_get(json, "endpoints");

	for (size_t i = 0; strcmp(family, "FQDN") && i < json_array_size(endpoints); i++) {
		const json_t *list = json_get(json_array_get(endpoints, i), "addresses");

		for (size_t k = 0; k < json_array_size(list); k++) {
			const char *text = json_string_value(json_array_get(list, k));
			struct addr addr;

			if (addr_parse(text, &addr) || addr_is_ipv4(&addr) != !strcmp(family, "IPv4"))
				return reader_error(r, at->line,
						    "endpoints[%zu].addresses[%zu]: \"%.80s\" is not an %s address", i,
						    k, text, family);
		}
	}
	return 0;
}

static const struct schema address_type = { .type = SCHEMA_STRING, .choices = address_types };
static const struct schema endpoint_addresses = { .type = SCHEMA_LIST, .item = &string, .min = 1,
						  .max = ENDPOINT_ADDRESSES_MAX };
static const struct schema_field condition_fields[] = {
	{ "ready", &condition, false }, { "serving", &condition, false }, { "terminating", &condition, false },
	{},
};
static const struct schema conditions = { .type = SCHEMA_OBJECT, .fields = condition_fields };
static const struct schema_field hint_fields[] = { { "name", &string, true }, {} };
static const struct schema hint = { .type = SCHEMA_OBJECT, .fields = hint_fields };
static const struct schema hint_list = { .type = SCHEMA_LIST, .item = &hint };
static const struct schema_field hints_fields[] = {
	{ "forNodes", &hint_list, false }, { "forZones", &hint_list, false }, {},
};
static const struct schema hints = { .type = SCHEMA_OBJECT, .fields = hints_fields };
static const struct schema_field endpoint_fields[] = {
	{ "addresses", &endpoint_addresses, true }, { "conditions", &conditions, false },
	{ "nodeName", &name, false }, { "hints", &hints, false }, { "zone", &unused, false },
	{ "hostname", &unused, false }, { "targetRef", &unused, false },
	{ "deprecatedTopology", &unused, false }, {},
};
static const struct schema endpoint = { .type = SCHEMA_OBJECT, .fields = endpoint_fields };
static const struct schema endpoints = { .type = SCHEMA_LIST, .item = &endpoint, .max = ENDPOINTS_MAX };
static const struct schema_field endpoint_port_fields[] = {
	{ "name", &string, false }, { "protocol", &protocol, false }, { "port", &port, false },
	{ "appProtocol", &unused, false }, {},
};
static const struct schema endpoint_port = { .type = SCHEMA_OBJECT, .fields = endpoint_port_fields };
static const struct schema endpoint_ports = { .type = SCHEMA_LIST, .item = &endpoint_port, .max = PORTS_MAX };
static const struct schema_field slice_body[] = {
	{ "apiVersion", &unused, false }, { "kind", &unused, false }, { "metadata", &unused, false },
	{ "addressType", &address_type, true }, { "endpoints", &endpoints, false },
	{ "ports", &endpoint_ports, false }, {},
};

const struct schema schema_endpointslice = { .type = SCHEMA_OBJECT, .fields = slice_body,
					     .check = check_slice };

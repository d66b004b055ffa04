// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of objects (pinpool-ipam(7), OBJECTS) as tables of fields, and the search for a kind. */
#include <string.h>

#include "loader/manifest/kinds.h"
#include "loader/manifest/pool_spec.h"

#define NEEDED_MAX 4294967295ll

static const struct schema unused = { .type = SCHEMA_UNUSED };
static const struct schema boolean = { .type = SCHEMA_BOOL };
static const struct schema string = { .type = SCHEMA_STRING };
static const struct schema name = { .type = SCHEMA_NAME };
static const struct schema address = { .type = SCHEMA_ADDRESS };
static const struct schema cidr = { .type = SCHEMA_CIDR };
static const struct schema cidr_list = { .type = SCHEMA_LIST, .item = &cidr };

/* CiliumPodIPPool */

static const struct schema_field range_fields[] = {
	{ "start", &address, true }, { "end", &address, true }, {},
};
static const struct schema range = { .type = SCHEMA_OBJECT, .fields = range_fields };
static const struct schema ranges = { .type = SCHEMA_LIST, .item = &range };

static const struct schema cidrs = { .type = SCHEMA_LIST, .item = &cidr, .min = 1,
				     .max = POOL_CIDRS_MAX };
static const struct schema mask_size = { .type = SCHEMA_NUMBER, .min = 1, .max = 128 };
static const struct schema_field entry_fields[] = {
	{ "cidr", &cidr, true }, { "reservedRanges", &ranges, false }, {},
};
static const struct schema entry = { .type = SCHEMA_OBJECT, .fields = entry_fields };
static const struct schema entries = { .type = SCHEMA_LIST, .item = &entry, .min = 1,
				       .max = POOL_CIDRS_MAX };
static const struct schema_field family_fields[] = {
	{ "cidrs", &cidrs, false }, { "maskSize", &mask_size, true }, { "pool", &entries, false },
	{},
};
/* Fields of both families; pool_spec.c checks how they combine. */
static const struct schema family = { .type = SCHEMA_OBJECT, .fields = family_fields };
static const struct schema_field pool_fields[] = {
	{ "ipv4", &family, false }, { "ipv6", &family, false },
	{ "allowFirstIP", &boolean, false }, { "allowLastIP", &boolean, false },
	{ "podSelector", &schema_label_selector, false },
	{ "namespaceSelector", &schema_label_selector, false }, {},
};
static const struct schema pool_spec = { .type = SCHEMA_OBJECT, .fields = pool_fields };

/* CiliumNode; fields of other modes of Cilium are accepted and dropped. */

static const struct schema_field node_address_fields[] = {
	{ "type", &string, false }, { "ip", &address, true }, {},
};
static const struct schema node_address = { .type = SCHEMA_OBJECT, .fields = node_address_fields };
static const struct schema node_addresses = { .type = SCHEMA_LIST, .item = &node_address };
static const struct schema needed_number = { .type = SCHEMA_NUMBER, .max = NEEDED_MAX };
static const struct schema_field needed_fields[] = {
	{ "ipv4-addrs", &needed_number, false }, { "ipv6-addrs", &needed_number, false }, {},
};
static const struct schema needed = { .type = SCHEMA_OBJECT, .fields = needed_fields };
static const struct schema_field requested_fields[] = {
	{ "pool", &name, true }, { "needed", &needed, false }, {},
};
static const struct schema request = { .type = SCHEMA_OBJECT, .fields = requested_fields };
static const struct schema requested = { .type = SCHEMA_LIST, .item = &request };
static const struct schema_field allocated_fields[] = {
	{ "pool", &name, true }, { "cidrs", &cidr_list, false },
	{ "allowFirstIP", &unused, false }, { "allowLastIP", &unused, false }, {},
};
static const struct schema allocation = { .type = SCHEMA_OBJECT, .fields = allocated_fields };
static const struct schema allocated = { .type = SCHEMA_LIST, .item = &allocation };
static const struct schema_field node_pools_fields[] = {
	{ "requested", &requested, false }, { "allocated", &allocated, false }, {},
};
static const struct schema node_pools = { .type = SCHEMA_OBJECT, .fields = node_pools_fields };
static const struct schema_field node_ipam_fields[] = {
	{ "podCIDRs", &cidr_list, false }, { "pools", &node_pools, false },
	{ "pool", &unused, false }, { "ipv6-pool", &unused, false },
	{ "static-ip-tags", &unused, false }, { "pre-allocate", &unused, false },
	{ "min-allocate", &unused, false }, { "max-allocate", &unused, false },
	{ "max-above-watermark", &unused, false },
	{ "pod-cidr-allocation-threshold", &unused, false },
	{ "pod-cidr-release-threshold", &unused, false }, {},
};
static const struct schema node_ipam = { .type = SCHEMA_OBJECT, .fields = node_ipam_fields };
static const struct schema_field node_fields[] = {
	{ "addresses", &node_addresses, false }, { "ipam", &node_ipam, false },
	{ "alibaba-cloud", &unused, false }, { "azure", &unused, false }, { "eni", &unused, false },
	{ "encryption", &unused, false }, { "health", &unused, false },
	{ "ingress", &unused, false }, { "instance-id", &unused, false },
	{ "bootid", &unused, false }, { "nodeidentity", &unused, false }, {},
};
static const struct schema node_spec = { .type = SCHEMA_OBJECT, .fields = node_fields };

/* CiliumNodeConfig and ConfigMaps */

const struct schema schema_options = { .type = SCHEMA_STRINGS, .check_key = check_data_key };
static const struct schema_field nodeconfig_fields[] = {
	{ "nodeSelector", &schema_label_selector, true }, { "defaults", &schema_options, true }, {},
};
static const struct schema nodeconfig_spec = { .type = SCHEMA_OBJECT, .fields = nodeconfig_fields };
static const struct schema_field masq_fields[] = {
	{ "nonMasqueradeCIDRs", &cidr_list, false }, { "masqLinkLocal", &boolean, false },
	{ "masqLinkLocalIPv6", &boolean, false }, { "resyncInterval", &unused, false }, {},
};
const struct schema schema_masquerade = { .type = SCHEMA_OBJECT, .fields = masq_fields };

/* metadata */

const struct schema schema_annotations = { .type = SCHEMA_STRINGS, .check_key = check_label_key };

static const struct kind kinds[] = {
	{ "CiliumPodIPPool", { "cilium.io/v2", "cilium.io/v2alpha1" }, OBJECT_POOL, &pool_spec,
	  .annotations = true },
	{ "CiliumNode", { "cilium.io/v2", NULL }, OBJECT_CILIUMNODE, &node_spec, .labels = true },
	{ "CiliumNodeConfig", { "cilium.io/v2", "cilium.io/v2alpha1" }, OBJECT_NODECONFIG,
	  &nodeconfig_spec, .namespaced = true },
	{ "ConfigMap", { "v1", NULL }, OBJECT_CONFIGMAP, NULL, .namespaced = true },
	{ "Node", { "v1", NULL }, OBJECT_NODE, NULL, .labels = true },
	{ "Namespace", { "v1", NULL }, OBJECT_NAMESPACE, NULL, .labels = true,
	  .annotations = true },
	{ "Service", { "v1", NULL }, OBJECT_SERVICE, NULL, &schema_service, .namespaced = true,
	  .labels = true },
	{ "EndpointSlice", { "discovery.k8s.io/v1", NULL }, OBJECT_ENDPOINTSLICE, NULL,
	  &schema_endpointslice, .namespaced = true, .labels = true },
};

const char *object_kind_name(enum object_kind kind)
{
	static const char *const names[OBJECT_KINDS] = {
		[OBJECT_NONE] = "none", [OBJECT_POOL] = "ciliumpodippool",
		[OBJECT_CILIUMNODE] = "ciliumnode", [OBJECT_NODECONFIG] = "ciliumnodeconfig",
		[OBJECT_CONFIGMAP] = "configmap", [OBJECT_NODE] = "node",
		[OBJECT_NAMESPACE] = "namespace", [OBJECT_SETTINGS] = "settings",
		[OBJECT_POD] = "pod", [OBJECT_AGENT] = "agent",
		[OBJECT_SERVICE] = "service", [OBJECT_ENDPOINTSLICE] = "endpointslice",
	};

	return (unsigned int)kind < OBJECT_KINDS ? names[kind] : names[OBJECT_NONE];
}

/* The API group is the part before the slash; the core group has none. */
static bool same_group(const char *a, const char *b)
{
	const char *a_slash = strchr(a, '/'), *b_slash = strchr(b, '/');

	if (!a_slash || !b_slash)
		return !a_slash && !b_slash;
	return a_slash - a == b_slash - b && !memcmp(a, b, a_slash - a);
}

int kind_find(struct reader *r, const json_t *document, const char *kind_name,
	      const char *version, const struct kind **kind)
{
	*kind = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct kind *k = &kinds[i];

		if (!same_group(version, k->versions[0]) || strcasecmp(kind_name, k->name))
			continue;
		if (strcmp(kind_name, k->name))
			return reader_error(r, field_line(r, document, "kind"),
					    "kind: \"%.80s\" is unknown; write %s", kind_name,
					    k->name);
		if (strcmp(version, k->versions[0]) &&
		    (!k->versions[1] || strcmp(version, k->versions[1])))
			return reader_error(r, field_line(r, document, "apiVersion"),
					    "apiVersion: \"%.80s\" is unknown for %s; write %s",
					    version, k->name, k->versions[0]);
		*kind = k;
	}
	return 0;
}

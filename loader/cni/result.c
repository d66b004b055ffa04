// SPDX-License-Identifier: GPL-2.0-only
/* Results and errors of the plugin as JSON, and prevResult read back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cni/result.h"
#include "loader/pod/route.h"
#include "loader/base/prefix.h"
#include "loader/text/text.h"

#define MAC_TEXT 18

static const char *mac_format(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

static json_t *interface_json(const struct cni_request *r, const char *name, const uint8_t mac[6],
			      uint32_t mtu, const char *sandbox)
{
	char text[MAC_TEXT];
	json_t *json = json_object();

	json_object_set_new(json, "name", text_json(name, strlen(name)));
	json_object_set_new(json, "mac", json_string(mac_format(mac, text)));
	if (r->version >= CNI_1_1_0 && mtu)
		json_object_set_new(json, "mtu", json_integer(mtu));
	if (sandbox)
		json_object_set_new(json, "sandbox", text_json(sandbox, strlen(sandbox)));
	return json;
}

static json_t *ip_json(const struct cni_request *r, const struct addr *ip, const char *gateway,
		       size_t interface)
{
	bool ipv4 = addr_is_ipv4(ip);
	char text[ADDR_TEXT + 4];
	json_t *json = json_object();

	addr_format(ip, text);
	strcat(text, ipv4 ? "/32" : "/128");
	if (r->version < CNI_1_0_0)
		json_object_set_new(json, "version", json_string(ipv4 ? "4" : "6"));
	json_object_set_new(json, "address", json_string(text));
	json_object_set_new(json, "gateway", json_string(gateway));
	json_object_set_new(json, "interface", json_integer(interface));
	return json;
}

/* A copy of prevResult's list, to append to. */
static json_t *list_of(const struct cni_request *r, const char *key)
{
	json_t *list = json_array(), *previous = json_object_get(r->previous, key);

	json_array_extend(list, previous);
	return list;
}

json_t *cni_result(const struct cni_request *r, const struct pod_result *pod, uint32_t mtu)
{
	json_t *result = json_object(), *interfaces = list_of(r, "interfaces");
	json_t *ips = list_of(r, "ips"), *routes = list_of(r, "routes");
	json_t *dns = json_object_get(r->previous, "dns");
	char gateway[ADDR_TEXT];

	json_array_append_new(interfaces,
			      interface_json(r, pod->host_ifname, pod->host_mac, mtu, NULL));
	json_array_append_new(interfaces, interface_json(r, r->ifname, pod->mac, mtu, r->netns));
	for (int f = 0; f < FAMILIES; f++) {
		struct addr via = pod_route_gateway(f);

		if (!pod->ip[f].block)
			continue;
		addr_format(&via, gateway);
		json_array_append_new(ips, ip_json(r, &pod->ip[f].address, gateway,
						   json_array_size(interfaces) - 1));
		json_array_append_new(routes, json_pack("{ssss}", "dst",
							f == FAMILY_IPV4 ? "0.0.0.0/0" : "::/0", "gw",
							gateway));
	}
	json_object_set_new(result, "cniVersion", json_string(cni_version_names[r->version]));
	json_object_set_new(result, "interfaces", interfaces);
	json_object_set_new(result, "ips", ips);
	json_object_set_new(result, "routes", routes);
	json_object_set_new(result, "dns", dns      ? json_incref(dns)
					   : r->dns ? json_incref((json_t *)r->dns)
						    : json_object());
	return result;
}

json_t *cni_result_versions(const struct cni_request *r)
{
	json_t *supported = json_array();

	for (int v = 0; v < CNI_VERSIONS; v++)
		json_array_append_new(supported, json_string(cni_version_names[v]));
	return json_pack("{ssso}", "cniVersion", cni_version_names[r->version], "supportedVersions",
			 supported);
}

json_t *cni_result_error(const struct cni_request *r, enum cni_code code, const struct error *e)
{
	const char *way_out = strstr(e->text, "; ");
	size_t length = way_out ? (size_t)(way_out - e->text) : strlen(e->text);
	json_t *json = json_pack("{sssi}", "cniVersion", cni_version_names[r->version], "code", code);

	json_object_set_new(json, "msg", text_json(e->text, length));
	if (way_out)
		json_object_set_new(json, "details", text_json(way_out + 2, strlen(way_out + 2)));
	return json;
}

/* The index of our interface in prevResult; -1: missing. */
static int previous_index(const struct cni_request *r)
{
	const json_t *interfaces = json_object_get(r->previous, "interfaces");

	for (size_t i = 0; i < json_array_size(interfaces); i++) {
		const json_t *item = json_array_get(interfaces, i);
		const char *name = json_string_value(json_object_get(item, "name"));

		if (name && !strcmp(name, r->ifname) &&
		    json_string_length(json_object_get(item, "sandbox")))
			return i;
	}
	return -1;
}

enum cni_code cni_previous_parse(const struct cni_request *r, struct cni_previous *p,
				 struct error *e)
{
	const json_t *ips = json_object_get(r->previous, "ips"), *mac;
	enum cni_code code = CNI_OK;
	int index = previous_index(r);

	memset(p, 0, sizeof(*p));
	if (index < 0)
		return error_set(e, CNI_BAD_CONFIG,
				 "prevResult: has no interface %s of a container; give CHECK what ADD returned",
				 r->ifname);
	mac = json_object_get(json_array_get(json_object_get(r->previous, "interfaces"), index), "mac");
	if (json_string_length(mac))
		code = cni_mac_parse(p->mac, "prevResult", json_string_value(mac), e);
	for (size_t i = 0; i < json_array_size(ips) && !code; i++) {
		const json_t *item = json_array_get(ips, i), *of = json_object_get(item, "interface");
		const char *text = json_string_value(json_object_get(item, "address"));

		if (!json_is_integer(of) || json_integer_value(of) != index)
			continue;
		if (!text)
			return error_set(e, CNI_BAD_CONFIG,
					 "prevResult: item %zu of \"ips\" has no address; give CHECK what ADD returned",
					 i);
		code = cni_address_add(p->ip, "prevResult", text, e);
	}
	return code;
}

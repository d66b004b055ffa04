// SPDX-License-Identifier: GPL-2.0-only
/* Services to frontends: their addresses, policies and conflicts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/services/endpoints.h"
#include "maps/abi.h"
#include "maps/flows.h"

#define AFFINITY_SECONDS 10800

struct computation {
	const struct services_input *in;
	struct slice_index slices;
	struct services *s;
};

/* A Service's spec, and what of it all its ports share. */
struct service_object {
	const json_t *json, *spec;
	const char *namespace, *name, *type;
	uint32_t affinity;
	bool not_ready, external_local, internal_local, source_ranges;
};

static const char *string_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key)) ?: "";
}

bool service_key_is_wildcard(const struct service_key *key)
{
	static const struct addr none;

	return !memcmp(key->address.byte + 12, none.byte + 12, 4) &&
	       (addr_is_ipv4(&key->address) || !memcmp(&key->address, &none, sizeof(none)));
}

const char *frontend_format(const struct service_key *key, char *text)
{
	const char *protocol = key->protocol == PROTOCOL_TCP ? "tcp" : key->protocol == PROTOCOL_UDP ? "udp" : "sctp";
	bool ipv4 = addr_is_ipv4(&key->address);
	char address[ADDR_TEXT];

	if (service_key_is_wildcard(key))
		snprintf(text, FRONTEND_TEXT, ipv4 ? "*:%u/%s" : "[*]:%u/%s", key->port, protocol);
	else
		snprintf(text, FRONTEND_TEXT, ipv4 ? "%s:%u/%s" : "[%s]:%u/%s", addr_format(&key->address, address),
			 key->port, protocol);
	return text;
}

/* FNV-1a of the strings with their terminators. */
static uint64_t hash_add(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	while (*text++);
	return hash;
}

static void refuse(struct services *s, const struct service_port *p, const struct service_key *key,
		   const char *reason)
{
	char frontend[FRONTEND_TEXT], *text;

	if (asprintf(&text, "service %s/%s: %s %s", p->namespace, p->service, frontend_format(key, frontend), reason) < 0)
		abort();
	s->refused = xgrow(s->refused, s->refused_count, sizeof(char *));
	s->refused[s->refused_count++] = text;
}

static void add_frontend(struct computation *c, const struct service_object *o, const struct addr *address,
			 uint16_t port, enum service_kind kind)
{
	const struct service_port *p = &c->s->ports[c->s->port_count - 1];
	struct frontend f = {
		.key = { .address = *address, .port = port, .protocol = p->protocol },
		.kind = kind, .port = c->s->port_count - 1,
		.outside = o->external_local ? SCOPE_LOCAL : SCOPE_CLUSTER, .inside = SCOPE_CLUSTER,
	};

	if (kind == SERVICE_CLUSTER_IP) {
		f.inside = f.outside = o->internal_local ? SCOPE_LOCAL : SCOPE_CLUSTER;
		f.flags |= c->in->external_cluster_ip ? 0 : SERVICE_CLOSED;
	}
	if (o->source_ranges && (kind == SERVICE_LOAD_BALANCER || kind == SERVICE_EXTERNAL_IP))
		f.flags |= SERVICE_SOURCES;
	if (p->any && !p->sets[f.outside].count)
		f.flags |= SERVICE_DROP_OUTSIDE;
	if (p->any && !p->sets[f.inside].count)
		f.flags |= SERVICE_DROP_INSIDE;
	c->s->frontends = xgrow(c->s->frontends, c->s->frontend_count, sizeof(f));
	c->s->frontends[c->s->frontend_count++] = f;
}

/* Addresses of the present port's family in a list of strings, or of objects with @member. */
static void add_addresses(struct computation *c, const struct service_object *o, const json_t *list,
			  const char *member, uint16_t port, enum service_kind kind)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *text = json_string_value(member ? json_object_get(item, member) : item);
		struct addr address;

		if (!text || addr_parse(text, &address) ||
		    addr_family(&address) != c->s->ports[c->s->port_count - 1].family ||
		    (member && !strcmp(string_of(item, "ipMode"), "Proxy")))
			continue;
		add_frontend(c, o, &address, port, kind);
	}
}

/* One address of this node stands for all: which ones they are is for the programs. */
static void add_node_port(struct computation *c, const struct service_object *o, uint16_t port)
{
	const struct service_port *p = &c->s->ports[c->s->port_count - 1];
	struct addr any = {};

	if (p->family == FAMILY_IPV4)
		any.byte[10] = any.byte[11] = 0xff;
	if (port >= c->in->node_port_min && port <= c->in->node_port_max)
		add_frontend(c, o, &any, port, SERVICE_NODE_PORT);
	else
		refuse(c->s, p, &(struct service_key){ any, port, p->protocol, {} }, "is outside node-port-range");
}

/* [clusterIP] where an old object lacks the list; the caller drops the reference. */
static json_t *cluster_ips(const struct service_object *o)
{
	json_t *list = json_object_get(o->spec, "clusterIPs"), *one = json_object_get(o->spec, "clusterIP");

	if (json_array_size(list))
		return json_incref(list);
	list = json_array();
	if (!list || (one && json_array_append(list, one)))
		abort();
	return list;
}

/* A Service without an address of its own, as of files, may have endpoints of both families. */
static bool has_family(const json_t *ips, enum family family)
{
	struct addr address;
	bool any = false;
	const json_t *ip;
	size_t i;

	json_array_foreach(ips, i, ip) {
		if (!addr_parse(json_string_value(ip), &address) && addr_family(&address) == family)
			return true;
		any |= *json_string_value(ip) != 0;
	}
	return !any;
}

static void add_port(struct computation *c, const struct service_object *o, const json_t *port, enum family family,
		     const json_t *ips)
{
	struct services *s = c->s;
	struct service_port p = { .namespace = o->namespace, .service = o->name, .name = string_of(port, "name"),
				  .family = family, .protocol = protocol_number(port), .affinity = o->affinity };
	const char kind[] = { p.protocol, 1 + family, 0 };
	uint16_t number = json_integer_value(json_object_get(port, "port"));
	uint16_t node_port = json_integer_value(json_object_get(port, "nodePort"));
	const json_t *balancer = json_object_get(json_object_get(o->json, "status"), "loadBalancer");

	p.owner = hash_add(hash_add(hash_add(hash_add(0xcbf29ce484222325, o->namespace), o->name), p.name), kind);
	endpoints_choose(c->in, &c->slices, o->not_ready, &p);
	s->ports = xgrow(s->ports, s->port_count, sizeof(p));
	s->ports[s->port_count++] = p;
	add_addresses(c, o, ips, NULL, number, SERVICE_CLUSTER_IP);
	if (node_port && (!strcmp(o->type, "NodePort") || !strcmp(o->type, "LoadBalancer")))
		add_node_port(c, o, node_port);
	if (!strcmp(o->type, "LoadBalancer"))
		add_addresses(c, o, json_object_get(balancer, "ingress"), "ip", number, SERVICE_LOAD_BALANCER);
	if (c->in->external_ips)
		add_addresses(c, o, json_object_get(o->spec, "externalIPs"), NULL, number, SERVICE_EXTERNAL_IP);
}

static void add_ranges(struct computation *c, const struct service_object *o, size_t first)
{
	const json_t *range;
	size_t i;

	json_array_foreach(json_object_get(o->spec, "loadBalancerSourceRanges"), i, range) {
		struct service_range r;

		if (prefix_parse(json_string_value(range), &r.prefix) < 0)
			continue;
		for (size_t p = first; p < c->s->port_count; p++) {
			r.port = p;
			if (c->s->ports[p].family != prefix_family(&r.prefix))
				continue;
			c->s->ranges = xgrow(c->s->ranges, c->s->range_count, sizeof(r));
			c->s->ranges[c->s->range_count++] = r;
		}
	}
}

static int by_address(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* Each address counts once, however many ports it has. */
static void add_health(struct computation *c, const struct service_object *o, size_t first)
{
	uint16_t port = json_integer_value(json_object_get(o->spec, "healthCheckNodePort"));
	struct service_health h = { o->namespace, o->name, port, 0 };
	struct addr *list = NULL;
	size_t count = 0;

	if (!port || strcmp(o->type, "LoadBalancer") || !o->external_local)
		return;
	for (size_t p = first; p < c->s->port_count; p++) {
		const struct endpoint_set *set = &c->s->ports[p].sets[SCOPE_HEALTHY];

		for (size_t i = 0; i < set->count; i++) {
			list = xgrow(list, count, sizeof(*list));
			list[count++] = set->list[i].address;
		}
	}
	if (count)
		qsort(list, count, sizeof(*list), by_address);
	for (size_t i = 0; i < count; i++)
		h.endpoints += !i || addr_compare(&list[i - 1], &list[i]);
	free(list);
	c->s->health = xgrow(c->s->health, c->s->health_count, sizeof(h));
	c->s->health[c->s->health_count++] = h;
}

/* Headless ones, names of other domains, and those of another proxy have no frontends. */
static bool is_proxied(const json_t *service, const json_t *spec, const json_t *ips)
{
	const json_t *labels = json_object_get(json_object_get(service, "metadata"), "labels");

	return strcmp(string_of(spec, "type"), "ExternalName") &&
	       strcmp(json_string_value(json_array_get(ips, 0)) ?: "", "None") &&
	       !json_object_get(labels, "service.kubernetes.io/headless") &&
	       !json_object_get(labels, "service.kubernetes.io/service-proxy-name");
}

static void add_service(struct computation *c, const json_t *json)
{
	const json_t *spec = json_object_get(json, "spec"), *port;
	struct service_object o = {
		.json = json, .spec = spec, .namespace = object_namespace(json),
		.name = string_of(json_object_get(json, "metadata"), "name"), .type = string_of(spec, "type"),
		.not_ready = json_is_true(json_object_get(spec, "publishNotReadyAddresses")),
		.external_local = !strcmp(string_of(spec, "externalTrafficPolicy"), "Local"),
		.internal_local = !strcmp(string_of(spec, "internalTrafficPolicy"), "Local"),
		.source_ranges = json_array_size(json_object_get(spec, "loadBalancerSourceRanges")),
	};
	const json_t *client = json_object_get(json_object_get(spec, "sessionAffinityConfig"), "clientIP");
	size_t first = c->s->port_count, i;
	json_t *ips = cluster_ips(&o);

	if (!strcmp(string_of(spec, "sessionAffinity"), "ClientIP"))
		o.affinity = json_integer_value(json_object_get(client, "timeoutSeconds")) ?: AFFINITY_SECONDS;
	if (is_proxied(json, spec, ips)) {
		json_array_foreach(json_object_get(spec, "ports"), i, port)
			for (int f = 0; f < FAMILIES; f++)
				if (has_family(ips, f))
					add_port(c, &o, port, f, ips);
		add_ranges(c, &o, first);
		add_health(c, &o, first);
	}
	json_decref(ips);
}

/* Of equal kind the first by name wins, however the objects came. */
static int by_key_and_kind(const void *a, const void *b, void *services)
{
	const struct frontend *x = a, *y = b;
	const struct services *s = services;
	const struct service_port *p = &s->ports[x->port], *q = &s->ports[y->port];
	int order = addr_compare(&x->key.address, &y->key.address);

	if (!order)
		order = (int)x->key.port - y->key.port;
	if (!order)
		order = (int)x->key.protocol - y->key.protocol;
	if (!order)
		order = (int)x->kind - (int)y->kind;
	if (!order)
		order = strcmp(p->namespace, q->namespace);
	return order ? order : strcmp(p->service, q->service);
}

static void resolve_conflicts(struct services *s)
{
	size_t kept = 0;

	if (s->frontend_count)
		qsort_r(s->frontends, s->frontend_count, sizeof(*s->frontends), by_key_and_kind, s);
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i], *winner = &s->frontends[kept - 1];
		const struct service_port *p = kept ? &s->ports[winner->port] : NULL;
		char reason[2 * PP_NAME + 80];

		if (!kept || memcmp(&winner->key, &f->key, sizeof(f->key))) {
			s->frontends[kept++] = *f;
			continue;
		}
		snprintf(reason, sizeof(reason), "is a frontend of service %s/%s; use another address or port",
			 p->namespace, p->service);
		refuse(s, &s->ports[f->port], &f->key, reason);
	}
	s->frontend_count = kept;
}

void services_compute(const struct services_input *in, struct services *s)
{
	struct computation c = { .in = in, .s = s };
	const json_t *service;
	size_t i;

	*s = (struct services){};
	slices_sort(in->slices, &c.slices);
	json_array_foreach(in->services, i, service)
		add_service(&c, service);
	resolve_conflicts(s);
	free(c.slices.list);
}

void services_free(struct services *s)
{
	for (size_t i = 0; i < s->port_count; i++)
		for (int k = 0; k < SCOPES; k++)
			free(s->ports[i].sets[k].list);
	for (size_t i = 0; i < s->refused_count; i++)
		free(s->refused[i]);
	free(s->ports);
	free(s->frontends);
	free(s->ranges);
	free(s->health);
	free(s->refused);
	*s = (struct services){};
}
